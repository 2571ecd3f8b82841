"""The messages of a bag, timed: kept in memory when they are few, else read ahead by a thread."""

import queue
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from agent.failures import EXIT_POINTLESS, UnitFailure
from rosbag2.errors import BagError
from rosbag2.formats.metadata import Topic
from rosbag2.reading.reader import BagReader

Timed = tuple[int, str, bytes]
"""Nanoseconds after the first message at the rate, topic, serialized message."""
Batch = list[Timed]

KEEP_BYTES = 32 * 2**20
# The reader keeps a batch at about 8 MB.
BATCHES_AHEAD = 4
# What a message costs in memory beside its data: tuple, numbers, the header of bytes.
OVERHEAD = 150


def bag_invalid(error: BagError) -> UnitFailure:
    """The failure of a bag that cannot be read; no other attempt will read it either."""
    return UnitFailure("BAG_INVALID", str(error), exit_code=EXIT_POINTLESS)


class Feed:
    """Passes over the played topics of a bag, in time order.

    `rate` is the factor on recorded time; 0 times every message at 0. Raises UnitFailure with BAG_INVALID
    from `prepare`; `one_pass` raises what reading raised, most often BagError.
    """

    def __init__(
        self, folder: Path, topics: Collection[str], *, rate: float, keep_bytes: int = KEEP_BYTES
    ) -> None:
        self.topics: dict[str, Topic] = {}
        """Topics that the bag holds, by name; known after `prepare`."""
        self._folder = folder
        self._played = tuple(topics)
        self._rate = rate
        self._keep_bytes = keep_bytes
        self._kept: list[Batch] | None = None
        self._ahead: queue.Queue[Batch | Exception | None] = queue.Queue(BATCHES_AHEAD)
        self._closed = threading.Event()

    def prepare(self) -> None:
        """Open the bag, check its topics and load it, or begin to read ahead."""
        try:
            with BagReader(self._folder) as reader:
                self.topics = {topic.name: topic for topic in reader.topics}
                self._check_topics()
                self._kept = self._load(reader)
        except BagError as error:
            raise bag_invalid(error) from error
        if self._kept is None:
            threading.Thread(target=self._read_ahead, name="feed", daemon=True).start()

    def _check_topics(self) -> None:
        missing = sorted(set(self._played) - set(self.topics))
        if missing:
            raise UnitFailure(
                "BAG_INVALID",
                f"The bag has no topic {', '.join(missing)}. Correct the topics of the template.",
                exit_code=EXIT_POINTLESS,
            )

    def _load(self, reader: BagReader) -> list[Batch] | None:
        """All batches of one pass, None when they are too large to keep."""
        kept = []
        size = 0
        for batch in self._timed(reader):
            size += sum(len(data) + OVERHEAD for _, _, data in batch)
            if size > self._keep_bytes:
                return None
            kept.append(batch)
        return kept

    def _timed(self, reader: BagReader) -> Iterator[Batch]:
        """One pass from the file, recorded times turned into offsets."""
        first: int | None = None
        for batch in reader.batches(self._played):
            if first is None:
                first = batch[0][0]
            yield [(self._offset(stamp - first), topic, data) for stamp, topic, data in batch]

    def _offset(self, elapsed_ns: int) -> int:
        return round(elapsed_ns / self._rate) if self._rate else 0

    def _read_ahead(self) -> None:
        """Fill the queue pass after pass; None marks the end of each."""
        try:
            while not self._closed.is_set():
                with BagReader(self._folder) as reader:
                    for batch in self._timed(reader):
                        self._hand_over(batch)
                self._hand_over(None)
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits for it
            self._hand_over(error)

    def _hand_over(self, item: Batch | Exception | None) -> None:
        while not self._closed.is_set():
            try:
                self._ahead.put(item, timeout=0.5)
            except queue.Full:
                continue
            return

    def one_pass(self) -> Iterator[Batch]:
        """The batches of the next pass. Raises what broke the reading off, most often BagError."""
        if self._kept is not None:
            yield from self._kept
            return
        while (item := self._ahead.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        """Read no further."""
        self._closed.set()
