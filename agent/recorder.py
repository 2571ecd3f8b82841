"""The recorder of a unit, which writes a bag in its own thread."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.protocol import RecordingSummary
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter

MAX_PENDING_BYTES = 16 * 2**20
ENTRY_OVERHEAD_BYTES = 64
GATHER_SECONDS = 0.25
COMMIT_SECONDS = 1.0

Entry = tuple[int, int, bytes]


class Recorder(threading.Thread):
    """Thread that writes messages into a rosbag2 folder; senders block when the disk is too slow.

    `input_for(index)` returns a thread-safe callable for messages of `topics[index]`, which are recorded once
    `begin` was called. `error` is set when writing fails; later messages are counted as dropped.
    """

    def __init__(
        self, folder: Path, topics: Sequence[Topic], *, capacity: int = MAX_PENDING_BYTES
    ) -> None:
        super().__init__(name="recorder", daemon=True)
        self.folder = folder
        self.error: Exception | None = None
        self.counts: dict[str, int] = {topic.name: 0 for topic in topics}
        """Messages committed, by topic; complete after `close`."""
        self._topics = tuple(topics)
        self._capacity = capacity
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._space = threading.Condition(self._lock)
        self._entries: list[Entry] = []
        self._pending = 0
        self._accepted = 0
        self._refused = 0
        self._stored = 0
        self._stored_bytes = 0
        self._recording = False
        self._closing = False

    def input_for(self, index: int) -> Callable[[bytes], None]:
        """Return a callable that records messages of one topic, timed by the wall clock at the call."""

        def record(data: bytes) -> None:
            self._add(index, data)

        return record

    def begin(self) -> None:
        """Start to record; earlier messages are not part of the run and are ignored."""
        self._recording = True

    @property
    def accepted(self) -> int:
        """Number of accepted messages."""
        return self._accepted

    @property
    def started(self) -> bool:
        """True once `begin` was called."""
        return self._recording

    def summary(self) -> RecordingSummary:
        """Return the numbers of stored and dropped messages."""
        with self._lock:
            lost = self._accepted - self._stored if self.error else 0
            return RecordingSummary(
                messages=self._stored,
                stored_bytes=self._stored_bytes,
                dropped=self._refused + lost,
            )

    def close(self) -> None:
        """Write the accepted messages, finish the bag and end the thread."""
        with self._lock:
            self._closing = True
            self._filled.notify()
        self.join()

    def _add(self, index: int, data: bytes) -> None:
        if not self._recording:
            return
        stamp = time.time_ns()
        with self._lock:
            while self._pending > self._capacity and not self.error:
                self._space.wait(1)
            if self.error or self._closing:
                self._refused += 1
                return
            self._entries.append((stamp, index, data))
            self._accepted += 1
            self._pending += len(data) + ENTRY_OVERHEAD_BYTES
            if self._pending > self._capacity // 2:
                self._filled.notify()

    def run(self) -> None:
        try:
            # Opened here, as a SQLite connection may only be used in the thread that opened it.
            with BagWriter(self.folder) as writer:
                self._write(writer)
            self._update_counts(writer)
        except Exception as error:  # noqa: BLE001 - the main thread reports it
            with self._lock:
                self.error = error
                self._space.notify_all()

    def _write(self, writer: BagWriter) -> None:
        ids = [writer.add_topic(topic) for topic in self._topics]
        committed = time.monotonic()
        while True:
            entries, last = self._take_entries()
            for stamp, index, data in entries:
                writer.write(ids[index], stamp, data)
            if time.monotonic() - committed >= COMMIT_SECONDS:
                writer.commit()
                committed = time.monotonic()
                # Only now, as uncommitted messages may still fail to be written.
                self._update_counts(writer)
            if last:
                return

    def _take_entries(self) -> tuple[list[Entry], bool]:
        """Wait for entries.

        Returns:
            The pending entries, and True when they are the last.
        """
        with self._lock:
            if not self._closing and self._pending <= self._capacity // 2:
                self._filled.wait(GATHER_SECONDS)
            entries, self._entries = self._entries, []
            self._pending = 0
            self._space.notify_all()
            return entries, self._closing

    def _update_counts(self, writer: BagWriter) -> None:
        with self._lock:
            self._stored = writer.message_count
            self._stored_bytes = writer.stored_bytes
            self.counts = writer.counts
