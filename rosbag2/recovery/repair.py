"""Repairs a bag: writes a new one with every message that its data still hold."""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from rosbag2.budget import MAX_TOPICS, Budget
from rosbag2.checks.index import BagIndex
from rosbag2.checks.losses import MAX_SPANS, LostSpan
from rosbag2.checks.metadata_checks import BagWarning, missing_wals, warning
from rosbag2.checks.verdict import Verdict, rejected
from rosbag2.checks.verify import NONE_OF, verify
from rosbag2.errors import BagError, Detail, bounded
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.metadata import PLAYABLE, Metadata, Topic
from rosbag2.reading.failures import guarded
from rosbag2.recovery.inventory import FINAL, NO_METADATA, Inventory, take_inventory
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
        with guarded(source.name):
            repairing = _Repair(take_inventory(source), target, budget)
            repairing.run()
            verdict = repairing.verdict()
    except BagError as error:
        verdict = rejected(error)
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
    counts: dict[str, int] = field(default_factory=dict)
    numbers: dict[Topic, int] = field(default_factory=dict)
    names: dict[tuple[str, str, str], int] = field(default_factory=dict)
    kept: int = 0
    short: int = 0
    """Messages that metadata promises beyond what was kept."""

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
                        source = inner.enter_context(
                            open_source(file, self.budget, self.inventory.listed)
                        )
                    except BagError as error:
                        self._give_up(file, error)
                        continue
                    writer = writer or stack.enter_context(self._writer(source))
                    self._copy(file, source, writer)
            if not self.kept:
                self._require_messages()

    def _writer(self, source: Source) -> BagWriter:
        distro = source.ros_distro or self.inventory.metadata.ros_distro or "unknown"
        return BagWriter(self.target, ros_distro=distro, version=REPAIRED_VERSION)

    def _copy(self, file: DataFile, source: Source, writer: BagWriter) -> None:
        for topic in source.topics:
            self._number(topic, file, writer)
        first: int | None = None
        last = 0
        before = self.kept
        for topic, time, data in source.messages(self.inventory.expected(file)):
            writer.write(self._number(topic, file, writer), time, data)
            self.kept += 1
            self.budget.advance(len(data))
            first = time if first is None else min(first, time)
            last = time if first == time else max(last, time)
        if first is not None:
            self.spans[file.name] = (first, last)
        self.counts[file.name] = self.kept - before
        self.warnings += [_as_warning(fault) for fault in source.faults]
        self.warnings += self._odd_storage(file, source)
        self.lost += [self.inventory.closed(span) for span in source.losses.spans]

    def _odd_storage(self, file: DataFile, source: Source) -> list[BagWarning]:
        listed = self.inventory.metadata.storage_id
        if listed in {"", source.kind}:
            return []
        details = {"file": file.name, "storage": listed, "found": source.kind}
        return [_as_warning(BagError("STORAGE_MISMATCH", **details))]

    def _number(self, topic: Topic, file: DataFile, writer: BagWriter) -> int:
        number = self.numbers.get(topic)
        if number is None:
            number = self.numbers[topic] = self._add(topic, writer)
            if len(self.names) > MAX_TOPICS:
                raise BagError("TOO_MANY_TOPICS", file=file.name, limit=MAX_TOPICS)
        return number

    def _add(self, topic: Topic, writer: BagWriter) -> int:
        """The number of a topic in the new bag: one for each name and type, however often it comes."""
        completed = _completed(topic, self.inventory.metadata)
        key = (completed.name, completed.type, completed.serialization_format)
        if key not in self.names:
            self.names[key] = writer.add_topic(completed)
        return self.names[key]

    def _give_up(self, file: DataFile, error: BagError) -> None:
        self.failures.append(error)
        self.warnings.append(_as_warning(error))
        self.inventory.missing.append(file.name)

    def _require_messages(self) -> None:
        """Say why there is no message."""
        raise self.failures[0] if self.failures else self._nothing_left()

    def _nothing_left(self) -> BagError:
        """The first thing that was wrong with a file, without its remedy."""
        for fault in self.warnings:
            if fault.code == "MESSAGE_TOO_LARGE":
                return BagError(fault.code, **fault.details)
            if "file" in fault.details and "reason" in fault.details:
                reason = f"{fault.details['file']}: {fault.details['reason']}"
                return BagError("NOTHING_LEFT", reason=reason)
        for absent in self._missing_wals():
            return BagError("WAL_MISSING", **absent.details)
        if promised := self.inventory.metadata.message_count:
            return BagError("NOTHING_LEFT", reason=NONE_OF.format(promised))
        if self.lost or self.inventory.missing:
            return BagError("NOTHING_LEFT", reason="it holds no messages")
        return BagError("EMPTY")

    def _add_missing(self, index: BagIndex) -> None:
        """Add what lies in missing files, and what metadata promises beyond all that is accounted for."""
        self.lost += self.inventory.lost_files(self.spans, self.counts)
        counted = [span for span in self.lost if span.messages is not None]
        uncounted = [span for span in self.lost if span.messages is None]
        promised = self.inventory.promised(self.kept)
        if promised is None:
            return
        self.short = promised - self.kept
        missing = self.short - sum(span.messages or 0 for span in counted)
        if not missing and not self.inventory.missing:
            self.lost = counted
        elif missing > 0 and not uncounted:
            self.lost += self._elsewhere(missing, index)
        elif missing > 0 and len(uncounted) == 1:
            self.lost = [
                replace(span, messages=missing) if span.messages is None else span
                for span in self.lost
            ]

    def _elsewhere(self, missing: int, index: BagIndex) -> list[LostSpan]:
        """Losses of which nothing is known but their number, by topic where metadata tells."""
        file = next(iter(self.counts)) if len(self.counts) == 1 else ""
        claims = self.inventory.metadata.topics
        kept = {topic.name: topic.message_count for topic in index.topics}
        short = [(topic.name, (count or 0) - kept.get(topic.name, 0)) for topic, count in claims]
        by_topic = [(name, count) for name, count in short if count > 0]
        if self.lost or len(by_topic) > MAX_SPANS or sum(n for _, n in by_topic) != missing:
            by_topic = [("", missing)]
        return [LostSpan(file, name, None, None, count) for name, count in by_topic]

    def _outcome(self) -> tuple[str, dict[str, Detail]]:
        """Code and details of the outcome."""
        if not self.lost:
            return "REBUILT", {"kept": self.kept}
        lost = max(self.short, sum(span.messages or 0 for span in self.lost))
        details: dict[str, Detail] = {"kept": self.kept, "lost": lost, "spans": len(self.lost)}
        return "RESCUED" if lost else "RESCUED_UNCOUNTED", details

    def verdict(self) -> Verdict:
        """The verdict, with the index of the new bag."""
        verdict = verify(self.target, self.budget)
        if verdict.index is None:
            return replace(verdict, details=self._of_source(verdict.details))
        self._add_missing(verdict.index)
        code, details = self._outcome()
        found = [
            warning(w.code, **self._of_source(w.details))
            for w in verdict.warnings
            if w.code not in REPAIRED_WARNINGS
        ]
        if self.short or self.inventory.metadata is NO_METADATA:
            found += self._missing_wals()
        return Verdict(
            "repaired", code, details, (*self.warnings, *found), verdict.index, tuple(self.lost)
        )

    def _missing_wals(self) -> list[BagWarning]:
        return list(missing_wals(f for f in self.inventory.files if f.name in self.counts))

    def _of_source(self, details: dict[str, Detail]) -> dict[str, Detail]:
        """The details with the files that were sent in the place of the new ones, which nobody knows."""
        if details.get("file") not in {path.name for path in self.target.iterdir()}:
            return details
        return bounded(details | {"file": ", ".join(file.name for file in self.inventory.files)})


def _as_warning(error: BagError) -> BagWarning:
    return BagWarning(error.code, error.details)


def _completed(topic: Topic, metadata: Metadata) -> Topic:
    """The topic, with its type in today's form, and the fields that the data lack from metadata.yaml."""
    claim = next((claim for claim, _ in metadata.topics if claim.name == topic.name), topic)
    kind = topic.type or claim.type
    package, _, name = kind.partition("/")
    serializations = (topic.serialization_format, claim.serialization_format)
    return replace(
        topic,
        type=f"{package}/msg/{name}" if name and "/" not in name else kind,
        serialization_format=next((kind for kind in serializations if kind not in PLAYABLE), "cdr"),
        offered_qos_profiles=topic.offered_qos_profiles or claim.offered_qos_profiles,
        type_hash=topic.type_hash or claim.type_hash,
    )
