"""Recorded time as it passes during a replay, and `/clock`, by which nodes with use_sim_time live."""

import logging
import threading
import time
from collections.abc import Callable

from agent.protocol import PlayedTopic, Qos
from agent.rewriting import pack_stamp
from agent.transports.base import Publish

CLOCK = PlayedTopic(
    name="/clock",
    type="rosgraph_msgs/msg/Clock",
    # By REP 2011 from rosgraph_msgs and builtin_interfaces of Humble, Jazzy and Kilted, which are the same.
    type_hash="RIHS01_692f7a66e93a3c83e71765d033b60349ba68023a8c689a79e48078bcb5c58564",
    # Reliable, so that subscribers of either kind match; only the newest time is of use.
    qos=Qos(reliability="reliable", depth=1),
)
ROOT_NAMESPACE = "/"
CDR_HEADER = b"\x00\x01\x00\x00"
HALT_SECONDS = 0.2
"""Longest time in which a stop goes unnoticed."""

log = logging.getLogger(__name__)


class SimulatedTime:
    """Recorded time of the first message, plus the time since the release at the rate, over all passes.

    All units of a stage have the same release, and so the same time. It never goes back: a later pass has
    later times than were recorded.
    """

    def __init__(self, first_ns: int, rate: float) -> None:
        self._first_ns = first_ns
        self._rate = rate
        self.release_ns = 0
        """Monotonic time of the release; set at the start."""

    def now(self) -> int:
        """Return the simulated time in ns since the epoch."""
        elapsed = max(time.monotonic_ns() - self.release_ns, 0)
        return self._first_ns + round(elapsed * self._rate)


class ClockPublisher(threading.Thread):
    """Thread that publishes the simulated time, beginning at the release, while `is_playing`."""

    def __init__(
        self, publish: Publish, simulated: SimulatedTime, hz: float, is_playing: Callable[[], bool]
    ) -> None:
        super().__init__(name="clock", daemon=True)
        self._publish = publish
        self._simulated = simulated
        self._period_ns = round(1e9 / hz)
        self._is_playing = is_playing

    def run(self) -> None:
        try:
            due = time.monotonic_ns()
            while self._await(due):
                self._publish(CDR_HEADER + pack_stamp(self._simulated.now()))
                # What was missed is left out, as nobody needs a time that has passed.
                behind = time.monotonic_ns() - due
                due += self._period_ns * max(1, behind // self._period_ns)
        except Exception:
            # The player meets the same network, and says what its loss means.
            log.exception("/clock ended")

    def _await(self, due: int) -> bool:
        """Wait for a time; return False when nothing is played any more."""
        while self._is_playing():
            remaining = (due - time.monotonic_ns()) / 1e9
            time.sleep(min(max(remaining, 0), HALT_SECONDS))
            if remaining <= HALT_SECONDS:
                return True
        return False
