"""Writes what the unit records, on a thread of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.protocol import RecordingSummary
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter

CAPACITY_BYTES = 16 * 2**20
OVERHEAD = 64
GATHER_SECONDS = 0.25
COMMIT_SECONDS = 1.0

Entry = tuple[int, int, bytes]


class Recorder(threading.Thread):
    """Records messages into a rosbag2 folder; senders wait when the disk is slower than they are.

    `offer(index)` gives a callable that takes messages of `topics[index]`, from any thread, once `begin` was
    called. `error` is set when writing failed; from then on messages are counted as dropped.
    """

    def __init__(
        self, folder: Path, topics: Sequence[Topic], *, capacity: int = CAPACITY_BYTES
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
        self._room = threading.Condition(self._lock)
        self._entries: list[Entry] = []
        self._pending = 0
        self._accepted = 0
        self._refused = 0
        self._stored = 0
        self._stored_bytes = 0
        self._recording = False
        self._closing = False

    def offer(self, index: int) -> Callable[[bytes], None]:
        """The inlet of one topic, stamped with the wall clock at the call."""

        def take(data: bytes) -> None:
            self._add(index, data)

        return take

    def begin(self) -> None:
        """From now on messages are recorded; before, they are not part of the run."""
        self._recording = True

    @property
    def accepted(self) -> int:
        """Messages taken so far."""
        return self._accepted

    @property
    def began(self) -> bool:
        """Whether the run was recorded at all."""
        return self._recording

    def summary(self) -> RecordingSummary:
        """What is stored so far, and what never will be."""
        with self._lock:
            lost = self._accepted - self._stored if self.error else 0
            return RecordingSummary(
                messages=self._stored,
                stored_bytes=self._stored_bytes,
                dropped=self._refused + lost,
            )

    def close(self) -> None:
        """Write what was taken, finish the bag and end the thread."""
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
                self._room.wait(1)
            if self.error or self._closing:
                self._refused += 1
                return
            self._entries.append((stamp, index, data))
            self._accepted += 1
            self._pending += len(data) + OVERHEAD
            if self._pending > self._capacity // 2:
                self._filled.notify()

    def run(self) -> None:
        try:
            # Opened here: a SQLite connection belongs to the thread that made it.
            with BagWriter(self.folder) as writer:
                self._write(writer)
            self._note(writer)
        except Exception as error:  # noqa: BLE001 - the main thread reports it
            with self._lock:
                self.error = error
                self._room.notify_all()

    def _write(self, writer: BagWriter) -> None:
        ids = [writer.add_topic(topic) for topic in self._topics]
        committed = time.monotonic()
        while True:
            entries, last = self._take()
            for stamp, index, data in entries:
                writer.write(ids[index], stamp, data)
            if time.monotonic() - committed >= COMMIT_SECONDS:
                writer.commit()
                committed = time.monotonic()
                # Only now: what is not committed may still fail to be written.
                self._note(writer)
            if last:
                return

    def _take(self) -> tuple[list[Entry], bool]:
        """All that has gathered; and whether it is the last."""
        with self._lock:
            if not self._closing and self._pending <= self._capacity // 2:
                self._filled.wait(GATHER_SECONDS)
            entries, self._entries = self._entries, []
            self._pending = 0
            self._room.notify_all()
            return entries, self._closing

    def _note(self, writer: BagWriter) -> None:
        with self._lock:
            self._stored = writer.message_count
            self._stored_bytes = writer.stored_bytes
            self.counts = writer.counts
