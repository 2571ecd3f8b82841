"""The clockwork: publishes each message of a bag at its time, for all agents of the unit."""

import contextlib
import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.feed import Batch, Feed
from agent.lateness import Lateness
from agent.transports.base import Publish

SWITCH_SECONDS = 0.0001
LONG_NS = 50_000_000
"""Sleeps beyond this are waits that a stop can interrupt."""
CLOSE_NS = 10_000_000
"""How long before its end a wait gives way to a plain sleep, which is more exact."""
NEVER = 2**63


@dataclass(frozen=True)
class Pace:
    """How to play: `rate` 0 is unpaced, `seconds` after the start replay ends (0: no limit)."""

    rate: float
    passes: int
    seconds: float


@dataclass(frozen=True)
class Cue:
    """When to start and to stop."""

    release: Callable[[], int]
    """The start as a monotonic instant in ns, by the best knowledge of the moment; asked until then."""
    began: Callable[[], None]
    """Called at the start, before the first publication."""
    halt: threading.Event
    """Set: publish no more."""


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the interpreter from holding up the clockwork.

    A run of the garbage collector stops every thread for as long as it walks over all objects, with a loaded
    bag for many milliseconds: what exists is frozen, and the reporter collects the little that comes
    after, now and then. The short switch interval bounds how long another thread may hold the
    interpreter when the clockwork wakes.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        sys.setswitchinterval(interval)


class Clockwork(threading.Thread):
    """One thread that publishes for all agents; counts are per agent, as each publishes every message.

    `outlets` gives a publisher per agent for each topic, in the agents' order. The thread ends after
    the passes, at the time limit, when it is told to stop, or by `error`.
    """

    def __init__(
        self,
        feed: Feed,
        outlets: Mapping[str, Sequence[Publish]],
        pace: Pace,
        cue: Cue,
        *,
        agents: int,
    ) -> None:
        super().__init__(name="clockwork", daemon=True)
        self.published = 0
        self.published_bytes = 0
        self.passes = 0
        self.started_ns = 0
        """Monotonic instant at which the thread woke for the release; 0: not yet."""
        self.release_ns = 0
        self.last_ns = 0
        """Monotonic instant of the last publication."""
        self.late = False
        self.finished = False
        """Whether replay ended by itself: all passes done or the time over."""
        self.error: Exception | None = None
        self._feed = feed
        self._pace = pace
        self._cue = cue
        self._halt = cue.halt
        self._deadline = NEVER
        self.lateness = tuple(Lateness() for _ in range(agents))
        notes = [lateness.note for lateness in self.lateness]
        self._plain = {topic: tuple(publishers) for topic, publishers in outlets.items()}
        self._noted = {
            topic: tuple(zip(publishers, notes, strict=True))
            for topic, publishers in outlets.items()
        }

    def run(self) -> None:
        sharpen_timer()
        try:
            if self._await_release():
                self.finished = self._play()
        except Exception as error:  # noqa: BLE001 - handed to the main thread, which reports it
            self.error = error

    @property
    def base_ns(self) -> int:
        """The monotonic instant at which the first message is due.

        Who joins late plays its whole part from its own start: a burst to catch up would be no robot.
        """
        return self.started_ns if self.late else self.release_ns

    def drain(self) -> None:
        """Count the lateness noted so far; called now and then by another thread."""
        for lateness in self.lateness:
            lateness.drain()

    def _await_release(self) -> bool:
        """Sleep until the release; False when stopped before. Past it, start at once."""
        while not self._halt.is_set():
            # Asked again each time: until the start, heartbeats make the estimate better.
            self.release_ns = self._cue.release()
            remaining = self.release_ns - time.monotonic_ns()
            if remaining < LONG_NS:
                self.late = remaining < 0
                time.sleep(max(remaining, 0) / 1e9)
                self.started_ns = time.monotonic_ns()
                self._cue.began()
                return True
            self._halt.wait(min((remaining - CLOSE_NS) / 1e9, 0.5))
        return False

    def _play(self) -> bool:
        """All passes; True when they are done or the time is over, False when stopped."""
        base = self.base_ns
        if self._pace.seconds:
            self._deadline = base + round(self._pace.seconds * 1e9)
        publish = self._paced if self._pace.rate else self._unpaced
        for _ in range(self._pace.passes):
            span = 0
            for batch in self._feed.one_pass():
                if not publish(batch, base):
                    return not self._halt.is_set()
                span = batch[-1][0]
            base += span
            self.passes += 1
            if self._halt.is_set():
                return self.passes == self._pace.passes
        return True

    def _paced(self, batch: Batch, base: int) -> bool:
        """Publish each message when it is due; False: stopped, or the time is over."""
        # Names are local and branches few: this loop is what lateness is made of.
        now, sleep, halted = time.monotonic_ns, time.sleep, self._halt.is_set
        noted, deadline = self._noted, self._deadline
        for offset, topic, data in batch:
            due = base + offset
            wait = due - now()
            if wait > LONG_NS or due - min(wait, 0) >= deadline:
                if not self._reach(due):
                    return False
            elif wait > 0:
                sleep(wait / 1e9)
            if halted():
                return False
            for put, note in noted[topic]:
                put(data)
                note(now() - due)
            self.last_ns = now()
            self.published += 1
            self.published_bytes += len(data)
        return True

    def _reach(self, due: int) -> bool:
        """Wait for a message far ahead; False when a stop or the end of the time comes first."""
        end = min(due, self._deadline)
        while (remaining := end - time.monotonic_ns()) > LONG_NS:
            if self._halt.wait((remaining - CLOSE_NS) / 1e9):
                return False
        time.sleep(max(remaining, 0) / 1e9)
        return due < self._deadline and time.monotonic_ns() < self._deadline

    def _unpaced(self, batch: Batch, base: int) -> bool:
        """Publish as fast as the network takes it; False: stopped, or the time is over."""
        now, halted, plain, deadline = (
            time.monotonic_ns,
            self._halt.is_set,
            self._plain,
            self._deadline,
        )
        for _, topic, data in batch:
            if halted() or now() >= deadline:
                return False
            for put in plain[topic]:
                put(data)
            self.published += 1
            self.published_bytes += len(data)
            self.last_ns = now()
        return True


def sharpen_timer() -> None:
    """Ask Linux to wake this thread within 1 µs of its time instead of the usual 50 µs."""
    path = f"/proc/{threading.get_native_id()}/timerslack_ns"
    # Elsewhere, or where it is not allowed, sleeps are a little less exact, and lateness shows it.
    with contextlib.suppress(OSError), open(path, "w", encoding="ascii") as slack:
        slack.write("1000")
