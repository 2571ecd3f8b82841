"""The verdict on a rosbag as a page shows it: what happened, what it means, what to do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from common.admin.badges import Tone, badge
from common.admin.numbers import number
from common.admin.times import moment
from storage.choices import Origin, Status
from storage.models import Rosbag

TONES: dict[str, Tone] = {
    Status.UPLOADING: "run",
    Status.VERIFYING: "run",
    Status.READY: "ok",
    Status.READY_WITH_WARNINGS: "warn",
    Status.REPAIRED: "warn",
    Status.REJECTED: "bad",
}
WORDS = {Status.REPAIRED: gettext_lazy("Damaged, repaired copy made")}
"""Words of badges that differ from the status: the original of a repair is not what was repaired."""
MAX_FINDINGS = 100


@dataclass(frozen=True)
class Verdict:
    """A verdict: `title` says what happened, `meaning` what it means, `remedy` what to do."""

    tone: Tone
    title: str
    meaning: str = ""
    remedy: str = ""
    findings: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)


def status_badge(rosbag: Rosbag) -> str:
    """Return the badge of a rosbag's status."""
    if rosbag.deleted_at is not None:
        return badge("idle", _("Deleted"))
    status = Status(rosbag.status)
    return badge(TONES[status], WORDS.get(status, status.label))


def verdict_of(rosbag: Rosbag) -> Verdict:
    """Return the verdict on a rosbag."""
    if rosbag.deleted_at is not None:
        return _deleted(rosbag)
    return _VERDICTS[Status(rosbag.status)](rosbag)


def _deleted(rosbag: Rosbag) -> Verdict:
    return Verdict(
        "idle",
        format_html(_("Deleted {when}."), when=moment(rosbag.deleted_at)),
        _("Its files are still stored, and no list shows it."),
        _("It can be restored until it is removed permanently, which nothing does by itself."),
    )


def _uploading(rosbag: Rosbag) -> Verdict:
    if rosbag.origin == Origin.RECORDED:
        return Verdict(
            "run",
            _("It is being recorded."),
            _("Closed segments arrive while the execution runs; they are shown once it has ended."),
            _("Nothing needs to be done: it is verified at the end of the recording."),
        )
    return Verdict(
        "run",
        _("It is being uploaded."),
        _("Files arrive in parts; nothing can be shown or played before the last one."),
        _(
            "If the upload was interrupted, choose the same files again on the page Add rosbag: it goes on "
            "where it stopped."
        ),
    )


def _verifying(_rosbag: Rosbag) -> Verdict:
    return Verdict(
        "run",
        _("It is being verified."),
        _("Every message is read once, and what is damaged is repaired where that is possible."),
        _("Nothing needs to be done: the verdict appears here by itself."),
    )


def _usable(rosbag: Rosbag) -> Verdict:
    warnings, losses = rosbag.warning_sentences, rosbag.lost_sentences
    if losses:
        title, meaning = _("It plays, with losses."), lost_text(rosbag)
    elif warnings:
        title, meaning = (
            _("It plays in full."),
            _("The verification found something worth knowing."),
        )
    else:
        title, meaning = (
            _("It plays in full."),
            _("All files and messages are as they were recorded."),
        )
    return Verdict(
        "warn" if warnings or losses else "ok",
        title,
        meaning,
        "" if warnings or losses else _("Nothing needs to be done."),
        warnings[:MAX_FINDINGS],
        losses[:MAX_FINDINGS],
    )


def _repaired(rosbag: Rosbag) -> Verdict:
    return Verdict(
        "warn",
        _("It is damaged; a repaired copy was made."),
        rosbag.sentence,
        _("Play the repaired copy. This original is kept as it was uploaded."),
        rosbag.warning_sentences[:MAX_FINDINGS],
        rosbag.lost_sentences[:MAX_FINDINGS],
    )


def _rejected(rosbag: Rosbag) -> Verdict:
    return Verdict(
        "bad",
        _("It cannot be played."),
        rosbag.sentence,
        "",
        rosbag.warning_sentences[:MAX_FINDINGS],
        rosbag.lost_sentences[:MAX_FINDINGS],
    )


def lost_text(rosbag: Rosbag) -> str:
    """Return how much of a rosbag is lost."""
    counts = [span["messages"] for span in rosbag.lost_spans]
    certain = sum(count for count in counts if count)
    places = ngettext("in %d place", "in %d places", len(counts)) % len(counts)
    if None in counts:
        if not certain:
            return _("An unknown number of messages is lost %(places)s.") % {"places": places}
        text = ngettext(
            "At least %(count)s message is lost %(places)s.",
            "At least %(count)s messages are lost %(places)s.",
            certain,
        )
    else:
        text = ngettext(
            "%(count)s message is lost %(places)s.",
            "%(count)s messages are lost %(places)s.",
            certain,
        )
    return text % {"count": number(certain), "places": places}


def kinship(rosbag: Rosbag) -> list[dict[str, Any]]:
    """Return the rosbags that this one was made from or repaired as, with what they are to it."""
    made = {
        Origin.REPAIRED: _("Repaired copy of"),
        Origin.EXPORTED: _("Exported from"),
    }.get(Origin(rosbag.origin), _("Same content as"))
    pairs = [(made, rosbag.original), (_("Repaired copy"), rosbag.repaired)]
    return [{"text": text, "rosbag": other} for text, other in pairs if other is not None]


_VERDICTS: dict[Status, Callable[[Rosbag], Verdict]] = {
    Status.UPLOADING: _uploading,
    Status.VERIFYING: _verifying,
    Status.READY: _usable,
    Status.READY_WITH_WARNINGS: _usable,
    Status.REPAIRED: _repaired,
    Status.REJECTED: _rejected,
}
