"""Round values of an axis."""

from collections.abc import Iterator
from math import ceil, floor, log10


def step(extent: float, most: int) -> float:
    """The least of 1, 2 or 5 times a power of ten that divides an extent into at most so many parts."""
    power = 10.0 ** floor(log10(extent / most))
    return next(times * power for times in (1, 2, 5, 10, 20) if extent / (times * power) <= most)


def ticks(first: float, extent: float, most: int) -> Iterator[tuple[float, str]]:
    """Yield round values of an axis, and how they read."""
    size = step(extent, most)
    digits = max(0, -floor(log10(size)))
    for number in range(ceil(first / size), floor((first + extent) / size) + 1):
        yield number * size, f"{number * size:.{digits}f}"
