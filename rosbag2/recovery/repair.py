"""Repairs a bag: writes a new one with every message that its data still hold."""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from rosbag2.budget import Budget
from rosbag2.checks.losses import LostSpan
from rosbag2.checks.metadata_checks import BagWarning, warning
from rosbag2.checks.verdict import Verdict, rejected
from rosbag2.checks.verify import verify
from rosbag2.errors import BagError, Detail
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.metadata import Metadata, Topic
from rosbag2.recovery.inventory import FINAL, Inventory, take_inventory
from rosbag2.recovery.sources import Source, open_source
from rosbag2.writing.sqlite_writer import BagWriter

REPAIRED_VERSION = 5
"""The version of metadata that ROS 2 Humble and every later one reads."""

REPAIRED_WARNINGS = frozenset({"MESSAGES_INVALID", "TIMES_IMPOSSIBLE"})
"""Warnings of single messages; the repaired bag is the same without them."""


def verify_or_repair(source: Path, target: Path, budget: Budget | None = None) -> Verdict:
    """Verify a bag; an unusable one is repaired into the folder `target`, if possible.

    A source that is no folder is one data file. Nothing is raised; `target` is there only when the outcome
    is `repaired`.
    """
    if source.is_file():
        return repair(source, target, budget)
    verdict = verify(source, budget)
    leave_out = any(warning.code in REPAIRED_WARNINGS for warning in verdict.warnings)
    if verdict.code in FINAL or (verdict.status != "rejected" and not leave_out):
        return verdict
    return repair(source, target, budget)


def repair(source: Path, target: Path, budget: Budget | None = None) -> Verdict:
    """Write a new bag into the folder `target`, with every message of `source` that can be read.

    The source, a folder or one data file, stays as it is. The outcome is `repaired`, with what was wrong as
    warnings and the losses as spans, or `rejected`; nothing is raised, and nothing is left of a repair
    that failed.
    """
    if is_taken(target):
        return rejected(BagError("BAG_EXISTS", file=target.name))
    budget = budget or Budget()
    try:
        repairing = _Repair(take_inventory(source), target, budget)
        repairing.run()
        verdict = repairing.verdict()
    except BagError as error:
        verdict = rejected(error)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        verdict = rejected(BagError("FILE_UNREADABLE", file=source.name, reason=reason))
    if verdict.status == "rejected":
        shutil.rmtree(target, ignore_errors=True)
    return verdict


def is_taken(target: Path) -> bool:
    """Return whether something is there that a repair must not touch."""
    return target.exists() and not (target.is_dir() and not any(target.iterdir()))


@dataclass
class _Repair:
    inventory: Inventory
    target: Path
    budget: Budget
    warnings: list[BagWarning] = field(default_factory=list)
    lost: list[LostSpan] = field(default_factory=list)
    failures: list[BagError] = field(default_factory=list)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    numbers: dict[Topic, int] = field(default_factory=dict)
    names: dict[tuple[str, str], int] = field(default_factory=dict)
    kept: int = 0

    def run(self) -> None:
        """Read all files, and write all that is read.

        Raises:
            BagError: nothing can be read, or the target cannot be written.
        """
        self.warnings += [_as_warning(fault) for fault in self.inventory.faults]
        with ExitStack() as stack:
            writer: BagWriter | None = None
            for file in self.inventory.files:
                with ExitStack() as inner:
                    try:
                        source = inner.enter_context(open_source(file, self.budget))
                    except BagError as error:
                        self._give_up(file, error)
                        continue
                    writer = writer or stack.enter_context(self._writer(source))
                    self._copy(file, source, writer)
            if not self.kept:
                self._require_messages()
        self._add_missing()

    def _writer(self, source: Source) -> BagWriter:
        metadata = self.inventory.metadata
        distro = source.ros_distro or (metadata.ros_distro if metadata else "") or "unknown"
        return BagWriter(self.target, ros_distro=distro, version=REPAIRED_VERSION)

    def _copy(self, file: DataFile, source: Source, writer: BagWriter) -> None:
        for topic in source.topics:
            self._number(topic, writer)
        first: int | None = None
        last = 0
        for topic, time, data in source.messages(self.inventory.expected(file)):
            writer.write(self._number(topic, writer), time, data)
            self.kept += 1
            self.budget.advance(len(data))
            first = time if first is None else min(first, time)
            last = time if first == time else max(last, time)
        if first is not None:
            self.spans[file.name] = (first, last)
        self.warnings += [_as_warning(fault) for fault in source.faults]
        self.warnings += self._odd_storage(file, source)
        self.lost += [self.inventory.closed(span) for span in source.lost]

    def _odd_storage(self, file: DataFile, source: Source) -> list[BagWarning]:
        metadata = self.inventory.metadata
        if metadata is None or metadata.storage_id in {"", source.kind}:
            return []
        details = {"file": file.name, "storage": metadata.storage_id, "found": source.kind}
        return [_as_warning(BagError("STORAGE_MISMATCH", **details))]

    def _number(self, topic: Topic, writer: BagWriter) -> int:
        number = self.numbers.get(topic)
        if number is None:
            number = self.numbers[topic] = self._add(topic, writer)
        return number

    def _add(self, topic: Topic, writer: BagWriter) -> int:
        """The number of a topic in the new bag: one for each name and type, however often it comes."""
        completed = _completed(topic, self.inventory.metadata)
        key = (completed.name, completed.type)
        if key not in self.names:
            if not completed.is_cdr:
                raise BagError(
                    "SERIALIZATION_UNSUPPORTED",
                    file="the data",
                    topic=completed.name,
                    serialization=completed.serialization_format,
                )
            self.names[key] = writer.add_topic(replace(completed, serialization_format="cdr"))
        return self.names[key]

    def _give_up(self, file: DataFile, error: BagError) -> None:
        self.failures.append(error)
        self.warnings.append(_as_warning(error))
        self.inventory.missing.append(file.name)

    def _require_messages(self) -> None:
        """Say why there is no message, unless the bag is sound and simply empty."""
        if self.failures:
            raise self.failures[0]
        if self.lost or not self.numbers:
            raise self._nothing_left()

    def _nothing_left(self) -> BagError:
        """The first thing that was wrong with a file, without its remedy."""
        for fault in self.warnings:
            if fault.code == "MESSAGE_TOO_LARGE":
                return BagError(fault.code, **fault.details)
            if "file" in fault.details and "reason" in fault.details:
                reason = f"{fault.details['file']}: {fault.details['reason']}"
                return BagError("NOTHING_LEFT", reason=reason)
        return BagError("NOTHING_LEFT", reason="it holds no messages")

    def _add_missing(self) -> None:
        self.lost += self.inventory.lost_files(self.spans)
        metadata = self.inventory.metadata
        promised = metadata.message_count if metadata else None
        if not self.inventory.missing:
            self._count_uncounted(promised or 0)
        counted = self.kept + sum(span.messages or 0 for span in self.lost)
        if promised is not None and promised > counted and not self.lost:
            self.warnings.append(
                warning("COUNT_MISMATCH", listed=promised, found=self.kept, topics=0, topic="")
            )

    def _count_uncounted(self, promised: int) -> None:
        """Assign the messages that metadata promises beyond the rest to the one uncounted loss."""
        counted = [span for span in self.lost if span.messages is not None]
        missing = promised - self.kept - sum(span.messages or 0 for span in counted)
        if promised and missing == 0:
            self.lost = counted
        elif missing > 0 and len(self.lost) - len(counted) == 1:
            self.lost = [
                replace(span, messages=missing) if span.messages is None else span
                for span in self.lost
            ]

    def _outcome(self) -> tuple[str, dict[str, Detail]]:
        """Code and details of the outcome."""
        if not self.lost:
            return "REBUILT", {"kept": self.kept}
        lost = sum(span.messages or 0 for span in self.lost)
        details: dict[str, Detail] = {"kept": self.kept, "lost": lost, "spans": len(self.lost)}
        return "RESCUED" if lost else "RESCUED_UNCOUNTED", details

    def verdict(self) -> Verdict:
        """The verdict, with the index of the new bag."""
        verdict = verify(self.target, self.budget)
        if verdict.status == "rejected":
            return verdict
        code, details = self._outcome()
        return Verdict(
            "repaired",
            code,
            details,
            (*self.warnings, *(w for w in verdict.warnings if w.code not in REPAIRED_WARNINGS)),
            verdict.index,
            tuple(self.lost),
        )


def _as_warning(error: BagError) -> BagWarning:
    return BagWarning(error.code, error.details)


def _completed(topic: Topic, metadata: Metadata | None) -> Topic:
    """The topic, with its type in today's form, and the fields that the data lack from metadata.yaml."""
    listed = metadata.topics if metadata else ()
    claim = next((claim for claim, _ in listed if claim.name == topic.name), topic)
    kind = topic.type or claim.type
    package, _, name = kind.partition("/")
    return replace(
        topic,
        type=f"{package}/msg/{name}" if name and "/" not in name else kind,
        offered_qos_profiles=topic.offered_qos_profiles or claim.offered_qos_profiles,
        type_hash=topic.type_hash or claim.type_hash,
    )
