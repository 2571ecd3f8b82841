"""Retries: exponential backoff with jitter, and the time after which they end.

Jitter, so that units that failed together do not retry together.
"""

import random
import time
from collections.abc import Callable, Iterator

MAX_STEP_SECONDS = 90.0
"""Most that one try and the pause after it count: in more time the process was suspended, or data came."""

_random = random.SystemRandom()


def pauses(first: float = 0.5, max_length: float = 10.0) -> Iterator[float]:
    """Yield seconds to wait, without end: doubling up to `max_length`, times a random factor of 0.5 to 1."""
    length = first
    while True:
        yield length * _random.uniform(0.5, 1.0)
        length = min(length * 2, max_length)


class Patience:
    """Time for which something is tried again without success."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self.renew()

    def renew(self) -> None:
        """Begin anew, as something has succeeded."""
        self._spent = 0.0
        self._counted_at = self._clock()

    def is_over(self) -> bool:
        """Count the time since the last call; call it after each failure."""
        now = self._clock()
        self._spent += min(now - self._counted_at, MAX_STEP_SECONDS)
        self._counted_at = now
        return self._spent > self._seconds
