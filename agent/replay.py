"""The player, which publishes each message of a bag at its time for all agents of the unit."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.fan_out import FanOut
from agent.feed import Batch, Feed
from agent.lateness import Lateness
from agent.low_latency import reduce_timer_slack
from agent.rewriting import Changed, Rewriter
from agent.transports.base import Publish

LONG_WAIT_NS = 50_000_000
"""Longer waits can be interrupted by a stop."""
EXACT_WAIT_NS = 10_000_000
"""The end of a wait, done by a plain sleep, which is more exact."""
MAX_WAIT_SECONDS = 3600.0
"""Of one wait; a longer one is waited for again, as a slow bag has gaps beyond what threads can wait."""
NEVER = 2**63


@dataclass(frozen=True)
class Playback:
    """Playback options: `rate` 0 is unpaced, `seconds` limits the time (0: no limit).

    `pass_gap` is the time in seconds between two passes, in addition to the mean time between two messages.
    """

    rate: float
    passes: int
    seconds: float
    pass_gap: float = 0.0


@dataclass(frozen=True)
class PlaybackControl:
    """Start and stop of a playback."""

    release: Callable[[], int]
    """Returns the current estimate of the start on the monotonic clock, in ns; called until the start."""
    on_start: Callable[[], None]
    """Called at the start, before the first publication."""
    halt: threading.Event
    """Set when nothing more may be published."""
    stamp: Callable[[], int] = time.time_ns
    """Returns the time of publication in ns, for stamps that are set to it."""


class Player(threading.Thread):
    """Thread that publishes for all agents; counts are per agent, as each publishes every message.

    `publishers_by_topic` has a publisher per agent for each topic, in the agents' order. The thread ends
    after the passes, at the time limit, by a stop, or by `error`.
    """

    def __init__(
        self,
        feed: Feed,
        publishers_by_topic: Mapping[str, Sequence[Publish]],
        playback: Playback,
        control: PlaybackControl,
        *,
        agents: int,
        rewriter: Rewriter | None = None,
    ) -> None:
        super().__init__(name="player", daemon=True)
        self.published = 0
        self._bytes = 0
        self.passes = 0
        self.started_ns = 0
        """Monotonic time at which the thread woke for the release; 0: not yet."""
        self.release_ns = 0
        self.last_ns = 0
        """Monotonic time of the last publication."""
        self.late = False
        self.finished = False
        """True when the replay ended by itself: all passes are done, or the time is over."""
        self.error: Exception | None = None
        self._feed = feed
        self._playback = playback
        self._control = control
        self._halt = control.halt
        self._deadline = NEVER
        self.lateness = tuple(Lateness() for _ in range(agents))
        records = [
            lateness.record if playback.rate else _not_recorded for lateness in self.lateness
        ]
        self._fan_out = FanOut(publishers_by_topic, records, rewriter, control.stamp)

    @property
    def unchanged(self) -> int:
        """Messages that could not be changed, and were published as they are."""
        return self._fan_out.unchanged

    def published_bytes(self, agent: int) -> int:
        """Bytes that an agent has published, by its index; its frame ids are as long as its name."""
        return self._bytes + self._fan_out.changed_bytes(agent)

    def run(self) -> None:
        reduce_timer_slack()
        try:
            if self._await_release():
                self.finished = self._play()
        except Exception as error:  # noqa: BLE001 - reported by the main thread
            self.error = error

    @property
    def base_ns(self) -> int:
        """Monotonic time at which the first message is due.

        A late agent plays everything from its own start, as no robot would catch up in a burst.
        """
        return self.started_ns if self.late else self.release_ns

    def drain(self) -> None:
        """Count the lateness recorded so far; called from time to time by another thread."""
        for lateness in self.lateness:
            lateness.drain()

    def _await_release(self) -> bool:
        """Wait for the release, or start at once when it has passed; return False when stopped before."""
        while not self._halt.is_set():
            # Computed again each time, as heartbeats improve the estimate until the start.
            self.release_ns = self._control.release()
            remaining = self.release_ns - time.monotonic_ns()
            if remaining < LONG_WAIT_NS:
                self.late = remaining < 0
                time.sleep(max(remaining, 0) / 1e9)
                self.started_ns = time.monotonic_ns()
                self._control.on_start()
                return True
            self._halt.wait(min((remaining - EXACT_WAIT_NS) / 1e9, 0.5))
        return False

    def _play(self) -> bool:
        """Play all passes; return False when stopped before they were done or the time was over."""
        base = self.base_ns
        if self._playback.seconds:
            self._deadline = base + round(self._playback.seconds * 1e9)
        publish = self._paced if self._playback.rate else self._unpaced
        gap_ns = round(self._playback.pass_gap * 1e9)
        for _ in range(self._playback.passes):
            span = 0
            for batch in self._feed.one_pass():
                if not publish(batch, base):
                    return not self._halt.is_set()
                span = batch[-1][0]
            self.passes += 1
            if self.passes == self._playback.passes:
                break
            if self._halt.is_set():
                return False
            last = base + span if self._playback.rate else time.monotonic_ns()
            base = last + self._feed.interval_ns + gap_ns
            if gap_ns and not self._wait_for(base):
                return not self._halt.is_set()
        return True

    def _paced(self, batch: Batch, base: int) -> bool:
        """Publish each message when it is due; return False when stopped or the time is over."""
        # Local names and few branches: the speed of this loop decides the lateness.
        now, sleep, is_halted = time.monotonic_ns, time.sleep, self._halt.is_set
        recorded = self._fan_out.recorded
        deadline, published, size = self._deadline, self.published, self._bytes
        for offset, topic, data in batch:
            due = base + offset
            at = now()
            wait = due - at
            if wait > LONG_WAIT_NS or due >= deadline or at >= deadline:
                if not self._wait_for(due):
                    return False
            elif wait > 0:
                sleep(wait / 1e9)
            if is_halted():
                return False
            if isinstance(data, Changed):
                at = self._fan_out.publish_changed(topic, data, due)
            else:
                for publish_one, record in recorded[topic]:
                    publish_one(data)
                    at = now()
                    record(at - due)
                size += len(data)
                self._bytes = size
            published += 1
            self.published, self.last_ns = published, at
        return True

    def _wait_for(self, due: int) -> bool:
        """Wait for a message far ahead; return False when a stop or the end of the time comes first."""
        end = min(due, self._deadline)
        while (remaining := end - time.monotonic_ns()) > LONG_WAIT_NS:
            if self._halt.wait(min((remaining - EXACT_WAIT_NS) / 1e9, MAX_WAIT_SECONDS)):
                return False
        time.sleep(max(remaining, 0) / 1e9)
        return due < self._deadline and time.monotonic_ns() < self._deadline

    def _unpaced(self, batch: Batch, base: int) -> bool:
        """Publish as fast as the network allows; return False when stopped or the time is over."""
        now, is_halted, deadline = time.monotonic_ns, self._halt.is_set, self._deadline
        recorded = self._fan_out.recorded
        at, published, size = now(), self.published, self._bytes
        for _, topic, data in batch:
            if is_halted() or at >= deadline:
                return False
            if isinstance(data, Changed):
                at = self._fan_out.publish_changed(topic, data, 0)
            else:
                for publish_one, _record in recorded[topic]:
                    publish_one(data)
                at = now()
                size += len(data)
                self._bytes = size
            published += 1
            self.published, self.last_ns = published, at
        return True


def _not_recorded(_: int) -> None:
    """Without pace nothing is late."""
