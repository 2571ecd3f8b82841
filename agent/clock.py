"""The server's clock as a unit sees it, from the round trips of its heartbeats."""

import threading
from collections import deque
from dataclasses import dataclass

ROUND_TRIPS = 10


@dataclass(frozen=True)
class RoundTrip:
    """One exchange: its length without the server's own time, and the server's clock minus ours; ns."""

    length: int
    offset: int


class ServerClock:
    """Converts between the monotonic clock of this machine and the server's clock, both in ns.

    Offsets are kept against the monotonic clock, so that a step of the wall clock changes nothing. The
    estimate is that of the shortest of the last ten round trips: queueing only ever makes them longer.
    """

    def __init__(self) -> None:
        self._trips: deque[RoundTrip] = deque(maxlen=ROUND_TRIPS)
        self._lock = threading.Lock()

    def add(self, sent: int, received_there: int, sent_there: int, received: int) -> None:
        """Note one exchange: `sent` and `received` monotonic here, the others on the server's clock."""
        length = (received - sent) - (sent_there - received_there)
        offset = ((received_there - sent) + (sent_there - received)) // 2
        with self._lock:
            self._trips.append(RoundTrip(max(length, 0), offset))

    @property
    def known(self) -> bool:
        """Whether there was any exchange yet."""
        return bool(self._trips)

    def _best(self) -> RoundTrip:
        with self._lock:
            return min(self._trips, key=lambda trip: trip.length)

    @property
    def uncertainty_us(self) -> float:
        """Half the best round trip, in microseconds: the offset may be wrong by as much."""
        return self._best().length / 2000

    def to_monotonic(self, server_ns: int) -> int:
        """Our monotonic instant of a server's time."""
        return server_ns - self._best().offset

    def to_server(self, monotonic_ns: int) -> int:
        """The server's time of our monotonic instant."""
        return monotonic_ns + self._best().offset
