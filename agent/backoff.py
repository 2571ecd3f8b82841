"""Pauses between tries: growing, and scattered so that units that failed together do not return together."""

import random
from collections.abc import Iterator

_dice = random.SystemRandom()


def pauses(first: float = 0.5, most: float = 10.0) -> Iterator[float]:
    """Yield seconds to wait, without end: doubling up to `most`, each between half and all of it."""
    length = first
    while True:
        yield length * _dice.uniform(0.5, 1.0)
        length = min(length * 2, most)
