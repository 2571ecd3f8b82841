"""Lateness of publications: recorded cheaply by the player, counted by another thread."""

import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable

LATE_NS = 5_000_000
"""A message that is published later than this counts as late: no controller of a robot would notice less."""

# The upper half of a 32-bit float is a logarithmic scale, 128 steps per doubling, that C code computes.
_UPPER_HALF = 1 if sys.byteorder == "little" else 0


def buckets(values: list[int]) -> Counter[int]:
    """Count values by bucket; a bucket is at most 0.8 % wide, and negative values are in that of 0."""
    halves = memoryview(struct.pack(f"{len(values)}f", *values)).cast("H")
    counts = Counter(halves[_UPPER_HALF::2].tolist())
    for bucket in [bucket for bucket in counts if bucket >= _NEGATIVE]:
        counts[0] += counts.pop(bucket)
    return counts


_NEGATIVE = 1 << 15


def bucket_center(bucket: int) -> float:
    """Return the value at the centre of a bucket."""
    if not bucket:
        return 0.0
    (value,) = struct.unpack("f", struct.pack("I", bucket << 16 | 1 << 15))
    return float(value)


class Lateness:
    """Lateness of one agent, in ns; the player calls `record` for each publication."""

    def __init__(self) -> None:
        self._pending: list[int] = []
        # A bound append is the cheapest call; it is atomic, so `drain` may run at the same time.
        self.record: Callable[[int], None] = self._pending.append
        self._counts: Counter[int] = Counter()
        self._late = 0
        self._lock = threading.Lock()
        self.first: int | None = None
        """Lateness of the first publication; None before the first `drain`."""

    @property
    def messages_late(self) -> int | None:
        """Messages later than LATE_NS, as of the last `drain`; None before the first."""
        return None if self.first is None else self._late

    def drain(self) -> None:
        """Count the values recorded since the last call."""
        with self._lock:
            values = self._pending[:]
            del self._pending[: len(values)]
            if not values:
                return
            if self.first is None:
                self.first = values[0]
            self._counts += buckets(values)
            if max(values) > LATE_NS:
                self._late += sum(value > LATE_NS for value in values)

    def percentile_us(self, percent: float) -> float | None:
        """Return the lateness in µs that `percent` of the publications did not exceed; None without any."""
        with self._lock:
            counts = sorted(self._counts.items())
        remaining = sum(count for _, count in counts) * percent / 100
        for bucket, count in counts:
            remaining -= count
            if remaining <= 0:
                return bucket_center(bucket) / 1000
        return None
