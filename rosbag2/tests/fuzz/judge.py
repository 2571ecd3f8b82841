"""Judges a verdict by the truth: what a bag's check says against what its messages are."""

from collections import Counter
from pathlib import Path

from rosbag2.checks.verdict import Verdict
from rosbag2.tests.bundles import read
from rosbag2.tests.fuzz.bags import Message
from rosbag2.tests.fuzz.damage import Damage

_SKIPPING = frozenset({"TOPIC_SKIPPED"})
_TELLING = frozenset({"COUNT_MISMATCH", "ORPHAN_MESSAGES"})
"""Warnings that say that messages are missing."""


def contradictions(
    verdict: Verdict, folder: Path, truth: list[Message], damage: Damage
) -> list[str]:
    """The contradictions of a verdict to the truth; the bag that can be played is in the folder."""
    if verdict.status == "rejected":
        return _of_refusal(verdict, damage)
    kept = read(folder)
    missing = Counter(truth) - Counter(kept)
    foreign = Counter(kept) - Counter(truth)
    _forgive(missing, foreign, damage)
    wrong = []
    if foreign:
        wrong.append("foreign")
    if verdict.message_count != len(kept) and not _codes(verdict) & _SKIPPING:
        wrong.append("other count")
    return wrong + _of_losses(verdict, missing.total() - foreign.total(), damage)


def _of_refusal(verdict: Verdict, damage: Damage) -> list[str]:
    if verdict.code.startswith("CHECK"):
        return [f"crash {verdict.code}"]
    return ["refused"] if damage.kind == "bit" else []


def _of_losses(verdict: Verdict, missing: int, damage: Damage) -> list[str]:
    told = sum(span.messages or 0 for span in verdict.lost)
    uncounted = any(span.messages is None for span in verdict.lost)
    codes = _codes(verdict)
    if missing > 0 and not verdict.lost and not (verdict.code == "" and codes & _TELLING):
        return ["all is there"]
    if missing > 0 and not verdict.lost and damage.kind == "bit" and "ORPHAN_MESSAGES" not in codes:
        return ["left out"]
    if verdict.lost and (told > missing or (told < missing and not uncounted)):
        return [f"count {'above' if told > missing else 'below'}"]
    return []


def _codes(verdict: Verdict) -> set[str]:
    return {warning.code for warning in verdict.warnings}


def _forgive(missing: Counter[Message], foreign: Counter[Message], damage: Damage) -> None:
    """Leave out a message whose own bytes were damaged where nothing can tell: it has no checksum."""
    for message in list(foreign):
        twins = [true for true in missing if _is_twin(message, true, damage)]
        if twins:
            foreign[message] -= 1
            missing[twins[0]] -= 1
            foreign += Counter()
            missing += Counter()


def _is_twin(message: Message, true: Message, damage: Damage) -> bool:
    same_length = len(message[2]) == len(true[2])
    if damage.kind == "bit":
        changes = [message[0] != true[0], message[1] != true[1], message[2] != true[2]]
        return sum(changes) == 1 and same_length
    return message[:2] == true[:2] and same_length
