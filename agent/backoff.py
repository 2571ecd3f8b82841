"""Exponential backoff with jitter, so that units that failed together do not retry together."""

import random
from collections.abc import Iterator

_random = random.SystemRandom()


def pauses(first: float = 0.5, max_length: float = 10.0) -> Iterator[float]:
    """Yield seconds to wait, without end: doubling up to `max_length`, times a random factor of 0.5 to 1."""
    length = first
    while True:
        yield length * _random.uniform(0.5, 1.0)
        length = min(length * 2, max_length)
