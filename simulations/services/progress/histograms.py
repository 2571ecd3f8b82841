"""Histograms of measured values, with bounds that people read easily."""

import math
from collections.abc import Sequence
from typing import NamedTuple

BINS = 24
_STEPS = (1, 2, 2.5, 5, 10)
_OUTLIERS = 0.99
"""Share of the values that the bins cover at least, where few others lie far above."""
_FAR = 3.0


class Histogram(NamedTuple):
    """Counts of values in bins of one width from `low` to `high`.

    `above` counts the values beyond `high`: a few that lie far from the others would leave these one bin.
    """

    low: float
    high: float
    counts: list[int]
    above: int
    worst: float


def histogram(values: Sequence[float], bins: int = BINS) -> Histogram | None:
    """Return the histogram of some values from zero up; None if there are none."""
    if not values:
        return None
    ordered = sorted(values)
    covered = ordered[min(len(ordered) - 1, math.ceil(_OUTLIERS * len(ordered)) - 1)]
    reach = ordered[-1] if ordered[-1] <= _FAR * covered else covered
    high = _round_up(reach)
    counts = [0] * bins
    for value in ordered:
        if value <= high:
            counts[min(bins - 1, max(0, int(value / high * bins)))] += 1
    return Histogram(0.0, high, counts, len(ordered) - sum(counts), ordered[-1])


def _round_up(value: float) -> float:
    """Round up to 1, 2, 2.5 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in _STEPS if step * power >= value), value)
