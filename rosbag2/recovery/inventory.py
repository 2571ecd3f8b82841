"""Inventory of an unusable bag: the files that are left, and what metadata says of the others."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from rosbag2.checks.losses import LostSpan
from rosbag2.errors import BagError
from rosbag2.formats.bundle import (
    DataFile,
    find_file,
    nothing_to_read,
    present_files,
    require_complete,
    require_few_entries,
)
from rosbag2.formats.metadata import FileEntry, Metadata, Topic, read_metadata

FINAL = frozenset(
    {
        "FOLDER_MISSING",
        "METADATA_REFUSED",
        "PATH_UNSAFE",
        "FILE_IS_LFS_POINTER",
        "SERIALIZATION_UNSUPPORTED",
        "ROS1_MESSAGES",
        "EMPTY",
        "COMPRESSION_UNSUPPORTED",
        "UNPACKS_TOO_LARGE",
        "FILE_REFUSED",
        "NAME_IMPLAUSIBLE",
        "TOO_MANY_FILES",
        "TOO_MANY_TOPICS",
    }
)
"""Codes of bags that are not repaired: hostile, or with nothing in them that could be played."""

NO_METADATA = Metadata()


@dataclass
class Inventory:
    """The metadata, or NO_METADATA; the files that are there; the listed ones that are not."""

    metadata: Metadata
    files: tuple[DataFile, ...]
    missing: list[str] = field(default_factory=list)
    faults: list[BagError] = field(default_factory=list)

    @property
    def listed(self) -> tuple[tuple[Topic, int | None], ...]:
        """The topics that metadata name, with their counts where those are the counts of one file."""
        return self.metadata.topics if self._is_one_file else ()

    @property
    def _is_one_file(self) -> bool:
        return len(self.metadata.files) == 1

    def expected(self, file: DataFile) -> int | None:
        """Number of messages that a file should hold, where metadata says so."""
        entry = self._entry(file.name)
        if entry is not None and self._adds_up():
            return entry.message_count
        return self.promised(0) or None if self._is_one_file else None

    def promised(self, kept: int) -> int | None:
        """Number of messages that metadata promises; less than was kept says nothing.

        Where the total and the counts of topics differ, the one that is nearer to what was kept counts.
        """
        return min((total for total in self._totals() if total >= kept), default=None)

    def _totals(self) -> set[int]:
        """The total that metadata promises, once in full and once by topic."""
        by_topic = [count for _, count in self.metadata.topics if count is not None]
        totals = {self.metadata.message_count} | ({sum(by_topic)} if by_topic else set())
        return {total for total in totals if total is not None}

    def _adds_up(self) -> bool:
        """Return whether the counts of files are those of the total: some recorders write them doubled."""
        counts = (entry.message_count or 0 for entry in self.metadata.file_entries)
        return sum(counts) in self._totals()

    def closed(self, span: LostSpan) -> LostSpan:
        """A loss that reaches to the end of its file, with the end that metadata knows."""
        claim = self._entry(span.file) or (self.metadata if self._is_one_file else NO_METADATA)
        if span.last_ns is not None or claim.start_ns is None or claim.duration_ns is None:
            return span
        end = claim.start_ns + claim.duration_ns
        return span if end < (span.first_ns or 0) else replace(span, last_ns=end)

    def _entry(self, listed: str) -> FileEntry | None:
        return self._entries.get(_stem(listed))

    @cached_property
    def _entries(self) -> dict[str, FileEntry]:
        return {_stem(entry.path): entry for entry in reversed(self.metadata.file_entries)}

    def lost_files(
        self, spans: dict[str, tuple[int, int]], counts: dict[str, int]
    ) -> list[LostSpan]:
        """The losses of missing files; `spans` and `counts` are of the files that were read."""
        entries = {name: self._entry(name) for name in counts}
        sure = self._adds_up() or all(
            entry is not None and entry.message_count == counts[name]
            for name, entry in entries.items()
        )
        return [self._lost_file(name, spans, sure=sure) for name in self.missing]

    def _lost_file(self, name: str, spans: dict[str, tuple[int, int]], *, sure: bool) -> LostSpan:
        entry = self._entry(name)
        count = entry.message_count if entry and sure else None
        if entry is not None and entry.start_ns is not None and entry.message_count != 0:
            end = entry.start_ns + (entry.duration_ns or 0)
            return LostSpan(name, "", entry.start_ns, end, count)
        before, after = self._neighbours(name, spans)
        return LostSpan(name, "", before, after, count)

    def _neighbours(
        self, name: str, spans: dict[str, tuple[int, int]]
    ) -> tuple[int | None, int | None]:
        """The last time before a listed file and the first one after it."""
        order = [_stem(listed) for listed in self.metadata.files]
        if _stem(name) not in order:
            return None, None
        place = order.index(_stem(name))
        spans_by_stem = {_stem(file): span for file, span in spans.items()}
        before = [spans_by_stem[stem][1] for stem in order[:place] if stem in spans_by_stem]
        after = [spans_by_stem[stem][0] for stem in order[place + 1 :] if stem in spans_by_stem]
        return (before[-1] if before else None), (after[0] if after else None)


def take_inventory(source: Path) -> Inventory:
    """List what is left of a bag: a folder, or one data file.

    Raises:
        BagError: there is nothing to save, or it is refused.
    """
    if source.is_file() and not source.is_symlink():
        file = DataFile(source.name, source)
        return Inventory(NO_METADATA, (file,), faults=[BagError("METADATA_MISSING")])
    if not source.is_dir():
        raise BagError("FOLDER_MISSING", file=source.name)
    require_few_entries(source)
    try:
        metadata = read_metadata(source)
    except BagError as error:
        if error.code in FINAL:
            raise
        return _without_metadata(source, error)
    return _with_metadata(source, metadata)


def _without_metadata(folder: Path, error: BagError) -> Inventory:
    files = present_files(folder)
    if not files:
        raise nothing_to_read(folder) if error.code == "METADATA_MISSING" else error
    return Inventory(NO_METADATA, files, faults=[error])


def _with_metadata(folder: Path, metadata: Metadata) -> Inventory:
    inventory = Inventory(metadata, ())
    try:
        require_complete(metadata)
    except BagError as error:
        if error.code in FINAL:
            raise
        inventory.faults.append(error)
    files: dict[Path, DataFile] = {}
    for listed in metadata.files:
        file = find_file(folder, listed)
        if file is None:
            inventory.missing.append(listed)
        else:
            files.setdefault(file.path.resolve(), file)
    inventory.files = tuple(files.values())
    inventory.faults += [BagError("FILE_MISSING", file=name) for name in inventory.missing[:1]]
    return inventory if inventory.files else _unlisted_files(folder, inventory)


def _unlisted_files(folder: Path, inventory: Inventory) -> Inventory:
    """No listed file is there: the data that are there must be the bag."""
    inventory.files = present_files(folder)
    if not inventory.files:
        if inventory.faults:
            raise inventory.faults[-1]
        raise BagError("NOTHING_LEFT", reason="it has no data file")
    # A listed file may be there under another name.
    inventory.missing = inventory.missing[len(inventory.files) :]
    return inventory


def _stem(name: str) -> str:
    """The name without folders and the suffix of compression, which differ between list and folder."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return last.removesuffix(".zstd").removesuffix(".zst")
