"""Lateness of publications: recorded cheaply by the player, counted by another thread."""

import threading
from collections.abc import Callable

_MANTISSA_BITS = 6
_MANTISSA = (1 << _MANTISSA_BITS) - 1


def bucket(value: int) -> int:
    """Return the bucket of a value: exact below 64, then 32 buckets per doubling (3 % wide)."""
    shift = max(0, value.bit_length() - _MANTISSA_BITS)
    return (shift << _MANTISSA_BITS) | (value >> shift)


def bucket_center(index: int) -> float:
    """Return the value at the centre of a bucket."""
    shift = index >> _MANTISSA_BITS
    width = 1 << shift
    return float(((index & _MANTISSA) << shift) + (width - 1) / 2)


class Lateness:
    """Lateness of one agent, in ns; the player calls `record` for each publication."""

    def __init__(self) -> None:
        self._pending: list[int] = []
        # A bound append is the cheapest call; it is atomic, so `drain` may run at the same time.
        self.record: Callable[[int], None] = self._pending.append
        self._counts: dict[int, int] = {}
        self._lock = threading.Lock()
        self.first: int | None = None
        """Lateness of the first publication; None before the first `drain`."""

    def drain(self) -> None:
        """Count the values recorded since the last call."""
        with self._lock:
            values = self._pending[:]
            del self._pending[: len(values)]
            if values and self.first is None:
                self.first = values[0]
            counts = self._counts
            for value in values:
                index = bucket(max(value, 0))
                counts[index] = counts.get(index, 0) + 1

    def percentile_us(self, percent: float) -> float | None:
        """Return the lateness in µs that `percent` of the publications did not exceed; None without any."""
        with self._lock:
            counts = sorted(self._counts.items())
        remaining = sum(count for _, count in counts) * percent / 100
        for index, count in counts:
            remaining -= count
            if remaining <= 0:
                return bucket_center(index) / 1000
        return None
