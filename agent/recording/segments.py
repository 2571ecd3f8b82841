"""The segments of one recording: data files that are closed after a time or a size, one after another."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rosbag2.formats.metadata import Topic
from rosbag2.writing.mcap_writer import McapBagWriter
from rosbag2.writing.sqlite_writer import BagWriter

Storage = Literal["mcap", "sqlite3"]


@dataclass(frozen=True)
class SegmentRules:
    """Storage format, and the time and size after which a segment is closed."""

    storage: Storage = "mcap"
    seconds: float = 30.0
    max_bytes: int = 64 * 2**20


@dataclass(frozen=True)
class Segment:
    """A closed segment, in a folder of its own that is a rosbag2 bundle by itself."""

    number: int
    file: Path
    first_ns: int
    """Time of the first message, in ns since 1970."""
    last_ns: int
    counts: dict[str, int]
    """Messages by topic."""

    @property
    def messages(self) -> int:
        return sum(self.counts.values())


class _OpenSegment:
    """The segment that messages are written to, opened for a message of that time."""

    def __init__(
        self, writer: McapBagWriter | BagWriter, topics: Sequence[Topic], number: int, stamp: int
    ) -> None:
        self._writer = writer
        self._number = number
        self._ids = [writer.add_topic(topic) for topic in topics]
        self._counts = [0] * len(topics)
        self._opened = time.monotonic()
        self.messages = 0
        self.bytes = 0
        self.first_ns = self.last_ns = stamp

    @property
    def age(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._opened

    def write(self, topic: int, stamp: int, data: bytes) -> None:
        self._writer.write(self._ids[topic], stamp, data)
        self.first_ns, self.last_ns = min(self.first_ns, stamp), max(self.last_ns, stamp)
        self._counts[topic] += 1
        self.messages += 1
        self.bytes += len(data)

    def flush(self) -> None:
        self._writer.commit()

    def close(self) -> Segment:
        self._writer.close()
        names = [topic.name for topic in self._writer.topics]
        counts = {name: count for name, count in zip(names, self._counts, strict=True) if count}
        return Segment(self._number, self._writer.file, self.first_ns, self.last_ns, counts)


class SegmentWriter:
    """Writes one recording, from one thread; methods raise BagError when the disk fails.

    Segment 3 of the first attempt is the file `recording_1_3.mcap` in the folder `recording_1_3`.
    """

    def __init__(
        self, folder: Path, stem: str, topics: Sequence[Topic], rules: SegmentRules
    ) -> None:
        self._folder = folder
        self._stem = stem
        self._topics = tuple(topics)
        self._rules = rules
        self._open: _OpenSegment | None = None
        self._number = 0
        self.messages = 0
        """In closed segments and in the open one."""
        self.bytes = 0

    @property
    def open_messages(self) -> int:
        """Messages in the open segment, which are lost when it cannot be closed."""
        current = self._open
        return current.messages if current else 0

    @property
    def open_since_ns(self) -> int | None:
        """Time of the first message in the open segment; None: there is none."""
        current = self._open
        return current.first_ns if current else None

    @property
    def is_due(self) -> bool:
        """True when the open segment is old or large enough to be closed."""
        if self._open is None:
            return False
        return self._open.age >= self._rules.seconds or self._open.bytes >= self._rules.max_bytes

    def write(self, topic: int, stamp: int, data: bytes) -> None:
        """Take a message of `topics[topic]`, received at this time in ns since 1970."""
        if self._open is None:
            self._open = _OpenSegment(self._next_file(), self._topics, self._number, stamp)
            self._number += 1
        self._open.write(topic, stamp, data)
        self.messages += 1
        self.bytes += len(data)

    def flush(self) -> None:
        """Make what was written survive a kill."""
        if self._open:
            self._open.flush()

    def close(self, on_closed: Callable[[Segment], None]) -> None:
        """Close the open segment, if any, and hand it over; the next message opens another."""
        if self._open is None:
            return
        # Until it is handed over it counts as open: at no time do its messages belong nowhere.
        on_closed(self._open.close())
        self._open = None

    def _next_file(self) -> McapBagWriter | BagWriter:
        stem = f"{self._stem}_{self._number}"
        # Without waiting for the disk, as that would in the end delay what is published.
        if self._rules.storage == "mcap":
            return McapBagWriter(self._folder / stem, stem=stem, synced=False)
        return BagWriter(self._folder / stem, stem=stem, synced=False)
