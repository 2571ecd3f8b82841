"""The timed messages of a bag: kept in memory when they are few, else read ahead by a thread."""

import queue
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.failures import EXIT_NO_RETRY, UnitFailure
from agent.pass_times import mean_interval
from agent.played_part import PlayedPart, latched_before
from agent.rewriting import Changed, Rewriter
from rosbag2.errors import BagError
from rosbag2.formats.metadata import Topic
from rosbag2.reading.reader import BagReader

TimedMessage = tuple[int, str, bytes | Changed]
"""Nanoseconds after the first message as it is played back, topic, serialized or prepared message."""
Batch = list[TimedMessage]

MAX_LOADED_BYTES = 32 * 2**20
MAX_BYTES_AHEAD = 32 * 2**20
# Memory of a message in addition to its data: tuple, integers, header of the bytes object.
MESSAGE_OVERHEAD_BYTES = 150
LONGER_THAN_ANY_GAP_NS = 2**64


def invalid_bag(error: BagError) -> UnitFailure:
    """Return the failure for a bag that cannot be read; a retry would not help."""
    return UnitFailure("BAG_INVALID", str(error), exit_code=EXIT_NO_RETRY)


@dataclass(frozen=True)
class Timing:
    """When recorded messages are played."""

    rate: float = 1.0
    """Factor on recorded time; for 0 every message has time 0."""
    max_gap_seconds: float | None = None
    """A longer time in which no message of the played topics was recorded counts as so much of it."""
    part: PlayedPart = field(default_factory=PlayedPart)

    @property
    def max_gap_ns(self) -> int:
        """Longest gap in ns."""
        if self.max_gap_seconds is None:
            return LONGER_THAN_ANY_GAP_NS
        return round(self.max_gap_seconds * 1e9)

    def played(self, recorded_ns: int) -> int:
        """Convert a recorded duration to a played one."""
        return round(recorded_ns / self.rate) if self.rate else 0


class Feed:
    """Passes over the played topics of a bag, in time order.

    Each pass begins with what publishers of the `latched` topics (how many messages each keeps, by topic)
    still offered when the part began.
    """

    def __init__(
        self,
        folder: Path,
        topics: Collection[str],
        timing: Timing,
        *,
        latched: Mapping[str, int | None] | None = None,
        rewriter: Rewriter | None = None,
        max_loaded_bytes: int = MAX_LOADED_BYTES,
    ) -> None:
        self.topics: dict[str, Topic] = {}
        """Topics of the bag by name; set by `prepare`."""
        self.first_ns: int | None = None
        """Recorded time of the first message; set by `prepare`, None without messages."""
        self.interval_ns = 0
        """Mean time between two messages of a pass as it is played; known after a pass."""
        self._folder = folder
        self._played = tuple(topics)
        self._timing = timing
        self._latched_depths = latched or {}
        self._change = rewriter.change if rewriter else _unchanged
        self._span: tuple[int, int] | None = None
        self._latched: Batch = []
        self._max_loaded_bytes = max_loaded_bytes
        self._loaded: list[Batch] | None = None
        self._ahead: queue.SimpleQueue[Batch | Exception | None] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._bytes_ahead = 0
        self._closed = False

    def prepare(self) -> None:
        """Open the bag, check its topics and load it, or start to read ahead.

        Raises:
            UnitFailure: BAG_INVALID, or NO_MESSAGES in the part.
        """
        try:
            with BagReader(self._folder) as reader:
                self.topics = {topic.name: topic for topic in reader.topics}
                self._check_topics()
                self._select(reader)
                self._loaded = self._load(reader)
        except BagError as error:
            raise invalid_bag(error) from error
        if self.first_ns is None and not self._timing.part.is_everything:
            raise self._timing.part.no_messages()
        if self._loaded is None:
            threading.Thread(target=self._read_ahead, name="feed", daemon=True).start()

    def _check_topics(self) -> None:
        missing = sorted(set(self._played) - set(self.topics))
        if missing:
            raise UnitFailure(
                "BAG_INVALID",
                f"The bag has no topic {', '.join(missing)}. Correct the topics of the template.",
                exit_code=EXIT_NO_RETRY,
            )

    def _select(self, reader: BagReader) -> None:
        """Find the bounds of the part, and read what was latched before it."""
        self._span = self._timing.part.span(reader, self._played)
        if self._span and self._latched_depths:
            latched = latched_before(reader, self._latched_depths, self._span[0])
            self._latched = [(0, topic, self._change(topic, data)) for _, topic, data in latched]

    def _load(self, reader: BagReader) -> list[Batch] | None:
        """Load the batches of one pass; None when they are too large."""
        batches = []
        size = 0
        for batch in self._timed_batches(reader):
            size += _weight(batch)
            if size > self._max_loaded_bytes:
                return None
            batches.append(batch)
        return batches

    def _timed_batches(self, reader: BagReader) -> Iterator[Batch]:
        """Read one pass from the file, with offsets instead of recorded times."""
        played, max_gap_ns = self._timing.played, self._timing.max_gap_ns
        change = self._change
        elapsed = count = 0
        latest: int | None = None
        for batch in reader.batches(self._played, span=self._span):
            timed: Batch = []
            for stamp, topic, data in batch:
                if latest is None:
                    self.first_ns = stamp
                else:
                    elapsed += min(stamp - latest, max_gap_ns)
                latest = stamp
                timed.append((played(elapsed), topic, change(topic, data)))
            count += len(timed)
            yield timed
            del batch, timed, data  # else held while the next is read
        self.interval_ns = round(mean_interval(played(elapsed), count))

    def _read_ahead(self) -> None:
        """Fill the queue pass after pass; None marks the end of each."""
        try:
            while not self._closed:
                with BagReader(self._folder) as reader:
                    for batch in self._timed_batches(reader):
                        self._put(batch)
                        del batch
                self._put(None)
        except Exception as error:  # noqa: BLE001 - re-raised in the consuming thread
            self._put(error)

    def _put(self, item: Batch | Exception | None) -> None:
        """Add to the queue when there is room; a batch larger than all of it waits until it is empty."""
        weight = _weight(item) if isinstance(item, list) else MESSAGE_OVERHEAD_BYTES
        with self._room:
            self._room.wait_for(lambda: self._closed or self._has_room(weight))
            if self._closed:
                return
            self._bytes_ahead += weight
        self._ahead.put(item)

    def _has_room(self, weight: int) -> bool:
        return not self._bytes_ahead or self._bytes_ahead + weight <= MAX_BYTES_AHEAD

    def _taken(self, weight: int) -> None:
        with self._room:
            self._bytes_ahead -= weight
            self._room.notify()

    def one_pass(self) -> Iterator[Batch]:
        """Yield the batches of the next pass.

        Raises:
            BagError: The bag cannot be read; other errors of the reading thread are raised as well.
        """
        if self._latched:
            yield self._latched
        if self._loaded is not None:
            yield from self._loaded
            return
        while isinstance(item := self._ahead.get(), list):
            # What is being published counts too, as long as it is held here.
            weight = _weight(item)
            yield item
            del item
            self._taken(weight)
        self._taken(MESSAGE_OVERHEAD_BYTES)
        if item is not None:
            raise item

    def close(self) -> None:
        """Stop reading ahead."""
        with self._room:
            self._closed = True
            self._room.notify()


def _unchanged(_: str, data: bytes) -> bytes:
    return data


def _weight(batch: Batch) -> int:
    return sum(len(data) + MESSAGE_OVERHEAD_BYTES for _, _, data in batch)
