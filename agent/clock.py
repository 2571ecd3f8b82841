"""Estimate of the server's clock from the round trips of the heartbeats."""

import threading
from collections import deque
from dataclasses import dataclass

ROUND_TRIPS = 10
MAX_DRIFT_NS = 50_000_000
"""Difference of two offsets that their round trips need not explain."""


@dataclass(frozen=True)
class RoundTrip:
    """One exchange: its duration without the server's processing time, and the server's offset; ns."""

    length: int
    offset: int


class ServerClock:
    """Conversion between the monotonic clock of this machine and the server's clock, both in ns.

    Offsets are kept against the monotonic clock, so that a step of the wall clock changes nothing. The
    estimate is that of the shortest of the last ten round trips: queueing only ever makes them longer.
    """

    def __init__(self) -> None:
        self._trips: deque[RoundTrip] = deque(maxlen=ROUND_TRIPS)
        self._lock = threading.Lock()

    def add(self, sent: int, server_received: int, server_sent: int, received: int) -> None:
        """Add one exchange: `sent` and `received` on the monotonic clock, the others on the server's."""
        length = (received - sent) - (server_sent - server_received)
        offset = ((server_received - sent) + (server_sent - received)) // 2
        trip = RoundTrip(max(length, 0), offset)
        with self._lock:
            if self._trips and not _agree(trip, self._trips[-1]):
                # The server's clock was set, or this machine was suspended, which stops the monotonic clock.
                self._trips.clear()
            self._trips.append(trip)

    @property
    def synchronized(self) -> bool:
        """True once there was an exchange."""
        return bool(self._trips)

    def _best(self) -> RoundTrip:
        with self._lock:
            return min(self._trips, key=lambda trip: trip.length)

    @property
    def uncertainty_us(self) -> float:
        """Uncertainty of the offset in microseconds: half the shortest round trip."""
        return self._best().length / 2000

    def to_monotonic(self, server_ns: int) -> int:
        """Convert a time of the server to the monotonic clock."""
        return server_ns - self._best().offset

    def to_server(self, monotonic_ns: int) -> int:
        """Convert a monotonic time to the server's clock."""
        return monotonic_ns + self._best().offset


def _agree(one: RoundTrip, other: RoundTrip) -> bool:
    """Check that one offset may explain both round trips: each is true within half of its length."""
    return abs(one.offset - other.offset) <= (one.length + other.length) // 2 + MAX_DRIFT_NS
