"""The recorder of a unit: one thread that writes the segments of all its recordings."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from agent.recording.segments import Segment, SegmentWriter

MAX_PENDING_BYTES = 16 * 2**20
ENTRY_OVERHEAD_BYTES = 64
GATHER_SECONDS = 0.25
FLUSH_SECONDS = 1.0

Entry = tuple[int, int, int, bytes]
"""Time, recording, topic, message."""
OnClosed = Callable[[int, Segment], None]


class Recorder(threading.Thread):
    """Thread that writes messages; senders block when the disk is too slow.

    `input_for(recording, topic)` returns a thread-safe callable for messages of a topic, which are
    recorded once `begin` was called. `on_closed` gets each segment that is closed. `error` is set when
    writing fails; later messages are counted as dropped, and so are those of segments that could not be
    closed.
    """

    def __init__(
        self,
        writers: Sequence[SegmentWriter],
        on_closed: OnClosed,
        *,
        capacity: int = MAX_PENDING_BYTES,
    ) -> None:
        super().__init__(name="recorder", daemon=True)
        self.error: Exception | None = None
        self._writers = tuple(writers)
        self._on_closed = on_closed
        self._capacity = capacity
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._space = threading.Condition(self._lock)
        self._entries: list[Entry] = []
        self._pending = 0
        self._accepted = [0] * len(self._writers)
        self._refused = [0] * len(self._writers)
        self._recording = False
        self._closing = False

    def input_for(self, recording: int, topic: int) -> Callable[[bytes], None]:
        """Return a callable that records messages of a topic, timed by the wall clock at the call."""

        def record(data: bytes) -> None:
            self._add(recording, topic, data)

        return record

    def begin(self) -> None:
        """Start to record; earlier messages are not part of the run and are ignored."""
        self._recording = True

    @property
    def accepted(self) -> int:
        """Number of accepted messages."""
        return sum(self._accepted)

    @property
    def started(self) -> bool:
        """True once `begin` was called."""
        return self._recording

    def dropped(self, recording: int) -> int:
        """Number of messages that were received and are not in a closed segment, once writing has failed."""
        with self._lock:
            lost = 0
            if self.error:
                writer = self._writers[recording]
                lost = self._accepted[recording] - writer.messages + writer.open_messages
            return self._refused[recording] + lost

    def close(self) -> None:
        """Write the accepted messages, close all segments and end the thread."""
        with self._lock:
            self._closing = True
            self._filled.notify()
        self.join()

    def _add(self, recording: int, topic: int, data: bytes) -> None:
        if not self._recording:
            return
        with self._lock:
            # Under the lock, so that messages are written in the order of their times.
            stamp = time.time_ns()
            while self._pending > self._capacity and not self.error:
                self._space.wait(1)
            if self.error or self._closing:
                self._refused[recording] += 1
                return
            self._entries.append((stamp, recording, topic, data))
            self._accepted[recording] += 1
            self._pending += len(data) + ENTRY_OVERHEAD_BYTES
            if self._pending > self._capacity // 2:
                self._filled.notify()

    def run(self) -> None:
        try:
            self._write()
        except Exception as error:  # noqa: BLE001 - the main thread reports it
            with self._lock:
                self.error = error
                self._space.notify_all()

    def _write(self) -> None:
        flushed = time.monotonic()
        last = False
        while not last:
            entries, last = self._take_entries()
            for stamp, recording, topic, data in entries:
                self._writers[recording].write(topic, stamp, data)
            if time.monotonic() - flushed >= FLUSH_SECONDS:
                for writer in self._writers:
                    writer.flush()
                flushed = time.monotonic()
            for recording, writer in enumerate(self._writers):
                if last or writer.is_due:
                    writer.close(partial(self._on_closed, recording))

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
