"""The messages of a bag in time order, over all its files."""

import heapq
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Self

from rosbag2.budget import Budget
from rosbag2.formats.bundle import DataFile, listed_files, require_complete
from rosbag2.formats.metadata import Topic, read_metadata
from rosbag2.reading.base import Message, Store
from rosbag2.reading.opening import open_store, unpacked

BATCH_BYTES = 8 * 2**20


@dataclass
class _Part:
    """A data file with messages; times in nanoseconds, both ends included."""

    file: DataFile
    first_ns: int
    last_ns: int


class BagReader:
    """Reads the data files that metadata.yaml lists; their content counts, not what metadata promises.

    Use it as a context manager. The bag's folder may be read-only and is left as it is; compressed files
    are unpacked into a temporary folder until the reader is left.

    Raises:
        BagError: on entering, when the bag cannot be read; while reading, when a file is damaged.
    """

    def __init__(self, folder: Path, budget: Budget | None = None) -> None:
        self.folder = folder
        self._budget = budget or Budget()
        self._stack = ExitStack()
        self.topics: tuple[Topic, ...] = ()
        self._files: tuple[DataFile, ...] = ()
        self._parts: list[_Part] = []

    def __enter__(self) -> Self:
        metadata = read_metadata(self.folder)
        require_complete(metadata)
        with ExitStack() as stack:
            listed = listed_files(self.folder, metadata)
            self._files = tuple(
                stack.enter_context(unpacked(file, self._budget)) for file in listed
            )
            self._look()
            self._stack = stack.pop_all()
        return self

    def _look(self) -> None:
        topics: dict[str, Topic] = {}
        for file in self._files:
            with self._open(file) as store:
                for topic in store.topics.values():
                    topics.setdefault(topic.name, topic)
                if span := store.span():
                    self._parts.append(_Part(file, *span))
        self.topics = tuple(topics.values())

    def _open(self, file: DataFile) -> AbstractContextManager[Store]:
        return open_store(file, self._budget)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._parts.clear()
        self._stack.close()

    def batches(
        self,
        topics: Collection[str] | None = None,
        *,
        size: int = 500,
        span: tuple[int, int] | None = None,
    ) -> Iterator[list[Message]]:
        """Yield lists of (time in ns, topic name, data), in time order over all files.

        Args:
            topics: the names to read; None reads all, an empty collection none.
            span: first and last time in nanoseconds, both included; None reads from end to end.
            size: most messages in one list; large ones make the list shorter, so that it stays
                about 8 MB.

        Raises:
            BagError: FILE_DAMAGED, FILE_UNREADABLE.
        """
        wanted = None if topics is None else frozenset(topics)
        for group in _overlapping(_within(self._parts, span)):
            with ExitStack() as stack:
                stores = [stack.enter_context(self._open(part.file)) for part in group]
                streams = [store.messages(wanted, span) for store in stores]
                yield from _bundled(heapq.merge(*streams, key=itemgetter(0)), size)


def _within(parts: list[_Part], span: tuple[int, int] | None) -> list[_Part]:
    if span is None:
        return parts
    return [part for part in parts if part.first_ns <= span[1] and part.last_ns >= span[0]]


def _bundled(messages: Iterable[Message], size: int) -> Iterator[list[Message]]:
    """The same messages in lists of at most `size` and about 8 MB."""
    batch: list[Message] = []
    weight = 0
    for message in messages:
        batch.append(message)
        weight += len(message[2])
        if len(batch) >= size or weight >= BATCH_BYTES:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _overlapping(parts: list[_Part]) -> list[list[_Part]]:
    """Files in time order, in groups that share time; most bags have one file per group."""
    groups: list[list[_Part]] = []
    end = 0
    for part in sorted(parts, key=lambda part: part.first_ns):
        if groups and part.first_ns <= end:
            groups[-1].append(part)
            end = max(end, part.last_ns)
        else:
            groups.append([part])
            end = part.last_ns
    return groups
