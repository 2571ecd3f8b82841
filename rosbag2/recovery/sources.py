"""One data file as a source of messages: read by its store when it is sound, else saved piece by piece."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from rosbag2.budget import Budget
from rosbag2.checks.losses import Losses, LostSpan
from rosbag2.errors import BagError
from rosbag2.formats import compression
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.metadata import Topic
from rosbag2.reading.base import Store
from rosbag2.reading.opening import is_packed, kind, open_store
from rosbag2.recovery.mcap_salvage import McapSalvage
from rosbag2.recovery.names import Listed
from rosbag2.recovery.sqlite_salvage import SqliteSalvage

Saved = tuple[Topic, int, bytes]

DAMAGED = frozenset(
    {
        "FILE_DAMAGED",
        "FILE_UNFINISHED",
        "FILE_IMPLAUSIBLE",
        "MESSAGE_TOO_LARGE",
        "FILE_NOT_MCAP",
        "FILE_NOT_SQLITE",
        "SCHEMA_UNKNOWN",
    }
)
"""Codes of files of which something may be left."""
_OTHERS = frozenset({"FILE_NOT_MCAP", "FILE_NOT_SQLITE", "SCHEMA_UNKNOWN"})
"""Codes of files that may never have been recordings: they stay, where nothing is left."""


class Source(Protocol):
    """Messages of one file; `faults` and `lost` are complete after `messages`."""

    kind: str
    ros_distro: str
    topics: list[Topic]
    faults: list[BagError]

    @property
    def lost(self) -> list[LostSpan]:
        """Stretches that could not be read."""
        ...

    def messages(self, expected: int | None) -> Iterator[Saved]:
        """Every message that can be read; `expected` is how many there should be, if known."""
        ...


@contextmanager
def open_source(
    file: DataFile, budget: Budget, listed: Collection[Listed] = ()
) -> Iterator[Source]:
    """A data file, whatever its state; `listed` are the topics that metadata name.

    Raises:
        BagError: nothing of it can be read.
    """
    with TemporaryDirectory(prefix="robotsim-repair-", dir=budget.scratch) as spare:
        place, fault = _unpacked(file, Path(spare), budget)
        plain = DataFile(file.name, place)
        count, found = _fault(plain, budget)
        fault = found or fault
        if fault is None:
            with open_store(plain, budget) as store:
                yield _Sound(store, count)
            return
        with place.open("rb", buffering=2**16) as stream:
            if _is_mcap(plain, fault):
                yield _Damaged("mcap", McapSalvage(plain, stream, budget), fault)
                return
            try:
                salvage = SqliteSalvage(plain, stream, place, budget, listed)
            except BagError as error:
                raise (fault if fault.code in _OTHERS else error) from error
            yield _Damaged("sqlite3", salvage, fault)


def _is_mcap(file: DataFile, fault: BagError) -> bool:
    if fault.code in {"FILE_NOT_MCAP", "FILE_NOT_SQLITE"}:
        return fault.code == "FILE_NOT_MCAP"
    return kind(file, file.path) == "mcap"


def _unpacked(file: DataFile, spare: Path, budget: Budget) -> tuple[Path, BagError | None]:
    """The file, unpacked as far as possible, and the error of its compression, if any."""
    if not is_packed(file):
        return file.path, None
    target = spare / "unpacked"
    reason = compression.unpack_file(file.name, file.path, target, budget, keep_partial=True)
    return target, BagError("FILE_DAMAGED", file=file.name, reason=reason) if reason else None


def _fault(file: DataFile, budget: Budget) -> tuple[int, BagError | None]:
    """Return the messages of a file, and the error that keeps it from being read as a whole, if any.

    Raises:
        BagError: nothing of it can be read.
    """
    count = 0
    try:
        with open_store(file, budget) as store:
            store.span()
            for samples in store.samples():
                count += len(samples.sizes)
    except BagError as error:
        if error.code not in DAMAGED:
            raise
        return count, error
    return count, None


class _Sound:
    """A file that its store reads, with so many messages; those of no topic are lost."""

    def __init__(self, store: Store, count: int) -> None:
        self.store = store
        self.kind = store.kind
        self.ros_distro = store.ros_distro
        self.topics = list(store.topics.values())
        self.faults: list[BagError] = []
        self.lost: list[LostSpan] = []
        self._count = count

    def messages(self, _expected: int | None) -> Iterator[Saved]:
        by_name: dict[str, Topic] = {}
        for topic in self.topics:
            by_name.setdefault(topic.name, topic)
        orphans = self._count
        for time, name, data in self.store.messages(None):
            orphans -= 1
            yield by_name[name], time, data
        if orphans:
            name = self.store.file.name
            self.faults.append(BagError("ORPHAN_MESSAGES", file=name, found=orphans))
            self.lost.append(LostSpan(name, "", None, None, orphans))


class _Salvage(Protocol):
    losses: Losses

    @property
    def ros_distro(self) -> str: ...

    def messages(self, expected: int | None) -> Iterator[Saved]: ...


class _Damaged:
    """A file that is saved piece by piece."""

    def __init__(self, kind: str, salvage: _Salvage, fault: BagError) -> None:
        self.kind = kind
        self.salvage = salvage
        self.ros_distro = salvage.ros_distro
        self.topics: list[Topic] = []
        self.faults = [fault]

    @property
    def lost(self) -> list[LostSpan]:
        return self.salvage.losses.spans

    def messages(self, expected: int | None) -> Iterator[Saved]:
        any_saved = False
        for saved in self.salvage.messages(expected):
            any_saved = True
            yield saved
        if not any_saved and self.faults[0].code in _OTHERS:
            raise self.faults[0]
