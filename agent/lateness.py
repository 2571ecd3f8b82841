"""How late publications were: noted cheaply by the clockwork, counted by another thread."""

import threading
from collections.abc import Callable

_MANTISSA_BITS = 6
_MANTISSA = (1 << _MANTISSA_BITS) - 1


def bucket(value: int) -> int:
    """The bucket of a value: exact below 64, then 32 buckets for each doubling (3 % wide)."""
    shift = max(0, value.bit_length() - _MANTISSA_BITS)
    return (shift << _MANTISSA_BITS) | (value >> shift)


def middle(index: int) -> float:
    """The middle of a bucket."""
    shift = index >> _MANTISSA_BITS
    width = 1 << shift
    return float(((index & _MANTISSA) << shift) + (width - 1) / 2)


class Lateness:
    """Lateness of one agent, in ns; `note` is called by the clockwork for each publication."""

    def __init__(self) -> None:
        self._fresh: list[int] = []
        # A bound append is the cheapest note there is; it is atomic, so that `drain` may run beside it.
        self.note: Callable[[int], None] = self._fresh.append
        self._counts: dict[int, int] = {}
        self._lock = threading.Lock()
        self.first: int | None = None
        """Lateness of the first publication; None: nothing drained yet."""

    def drain(self) -> None:
        """Count what was noted since the last time."""
        with self._lock:
            taken = self._fresh[:]
            del self._fresh[: len(taken)]
            if taken and self.first is None:
                self.first = taken[0]
            counts = self._counts
            for value in taken:
                index = bucket(max(value, 0))
                counts[index] = counts.get(index, 0) + 1

    def percentile_us(self, percent: float) -> float | None:
        """The lateness that `percent` of the publications did not exceed, µs; None without any."""
        with self._lock:
            counts = sorted(self._counts.items())
        remaining = sum(count for _, count in counts) * percent / 100
        for index, count in counts:
            remaining -= count
            if remaining <= 0:
                return middle(index) / 1000
        return None
