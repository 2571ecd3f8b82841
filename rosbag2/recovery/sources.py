"""One data file as a source of messages: read by its store when it is sound, else saved piece by piece."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from rosbag2.budget import Budget
from rosbag2.checks.message_faults import MessageFaults, StrayFinder
from rosbag2.checks.times import Stray
from rosbag2.errors import BagError
from rosbag2.formats import compression
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.metadata import Listed, Topic
from rosbag2.reading.base import Store
from rosbag2.reading.columns import columns
from rosbag2.reading.failures import guarded
from rosbag2.reading.opening import is_packed, kind, open_store, spare_folder
from rosbag2.recovery.losses import Losses, Saved
from rosbag2.recovery.mcap_salvage import McapSalvage
from rosbag2.recovery.sqlite_salvage import SqliteSalvage

_AT_ONCE = 10_000

DAMAGED = frozenset(
    {
        "FILE_DAMAGED",
        "FILE_UNFINISHED",
        "FILE_IMPLAUSIBLE",
        "FILE_NOT_MCAP",
        "FILE_NOT_SQLITE",
        "SCHEMA_UNKNOWN",
        "TOPICS_UNNAMED",
    }
)
"""Codes of files of which something may be left."""
_OTHERS = frozenset({"FILE_NOT_MCAP", "FILE_NOT_SQLITE", "SCHEMA_UNKNOWN", "TOPICS_UNNAMED"})
"""Codes of files that may never have been recordings: they stay, where nothing is left; else it is damage."""


class Source(Protocol):
    """Messages of one file; `faults` and `losses` are complete after `messages`."""

    kind: str
    ros_distro: str
    topics: list[Topic]
    faults: list[BagError]
    losses: Losses

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
    with spare_folder(budget) as spare:
        place, fault = _unpacked(file, spare, budget)
        plain = DataFile(file.name, place)
        with ExitStack() as stack:
            try:
                with guarded(plain.name):
                    source = _Readable(stack.enter_context(open_store(plain, budget)))
            except BagError as error:
                if error.code not in DAMAGED:
                    raise
                fault = error
            if fault is None:
                yield source
                return
        with place.open("rb", buffering=2**16) as stream:
            if _is_mcap(plain, fault):
                yield _Damaged("mcap", partial(McapSalvage, plain, stream, budget, listed), fault)
                return
            try:
                damaged = _Damaged(
                    "sqlite3", partial(SqliteSalvage, plain, stream, place, budget, listed), fault
                )
            except BagError as error:
                raise (fault if fault.code in _OTHERS else error) from error
            yield damaged


def _is_mcap(file: DataFile, fault: BagError) -> bool:
    if fault.code in {"FILE_NOT_MCAP", "FILE_NOT_SQLITE"}:
        return fault.code == "FILE_NOT_MCAP"
    return kind(file, file.path) == "mcap"


def _unpacked(
    file: DataFile, spare: Callable[[], Path], budget: Budget
) -> tuple[Path, BagError | None]:
    """The file, unpacked as far as possible, and the error of its compression, if any."""
    if not is_packed(file):
        return file.path, None
    target = spare() / "unpacked"
    reason = compression.unpack_file(file.name, file.path, target, budget, keep_partial=True)
    return target, BagError("FILE_DAMAGED", file=file.name, reason=reason) if reason else None


class _Readable:
    """A file that its store reads from end to end.

    Raises:
        BagError: it does not.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.kind = store.kind
        self.ros_distro = store.ros_distro
        self.losses = Losses(store.file.name)
        faults = MessageFaults()
        large: list[BagError] = []
        orphans = 0
        store.span()
        try:
            for samples in store.samples():
                faults.take(samples)
                orphans += int((~np.isin(samples.topic_ids, list(store.topics))).sum())
        except BagError as error:
            if error.code != "MESSAGE_TOO_LARGE":
                raise
            large = [error]
        if orphans:
            self.losses.add(None, None, orphans)
        self.topics = list(store.topics.values())
        self.strays = faults.strays(store)
        name = store.file.name
        self.faults = large + store.findings() + faults.findings(name, store.topics, self.strays)
        if reason := store.order_fault:
            self.faults.append(BagError("FILE_DAMAGED", file=name, reason=reason))

    def messages(self, _expected: int | None) -> Iterator[Saved]:
        by_name: dict[str, Topic] = {}
        for topic in self.topics:
            by_name.setdefault(topic.name, topic)
        topics = {key: by_name[topic.name] for key, topic in self.store.topics.items()}
        strays = StrayFinder(self.strays)
        for number, (key, time, data) in enumerate(self.store.rows()):
            if key not in topics:
                continue
            if stray := strays.find(number):
                self.losses.add_stray(stray, topics[key].name)
            elif data is None:
                self.losses.add(time, time, 1, topics[key].name)
            else:
                yield topics[key], time, data


class _Damaged:
    """A file that is saved piece by piece, twice: first for the times, which its neighbours judge."""

    def __init__(
        self, kind: str, open_salvage: Callable[[], McapSalvage | SqliteSalvage], fault: BagError
    ) -> None:
        self.kind = kind
        self.salvage = open_salvage()
        self.times = open_salvage()
        self.losses = self.salvage.losses
        self.ros_distro = self.salvage.ros_distro
        self.topics: list[Topic] = []
        self.faults = [fault]

    def messages(self, expected: int | None) -> Iterator[Saved]:
        any_saved = False
        finder = StrayFinder(self._strays())
        for number, saved in enumerate(self.salvage.messages(expected)):
            any_saved = True
            if stray := finder.find(number):
                self.losses.add_stray(stray, saved[0].name)
            else:
                self.salvage.losses.close(saved[1])
                yield saved
        if unread := self.losses.unread:
            file = self.losses.file
            self.faults.append(BagError("TRAILING_BYTES", file=file, bytes=unread))
        fault = self.faults[0]
        if fault.code in _OTHERS:
            if not any_saved:
                raise fault
            self.faults[0] = BagError("FILE_DAMAGED", **fault.details)

    def _strays(self) -> list[Stray]:
        faults = MessageFaults()
        numbers: dict[Topic, int] = {}
        rows = (
            (numbers.setdefault(topic, len(numbers)), time, len(data))
            for topic, time, data in self.times.messages(None)
        )
        while batch := list(islice(rows, _AT_ONCE)):
            faults.take(columns(batch))
        strays = faults.times.strays()
        topics = {number: topic for topic, number in numbers.items()}
        self.faults += faults.findings(self.losses.file, topics, strays)
        return strays
