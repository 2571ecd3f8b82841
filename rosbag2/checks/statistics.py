"""Statistics of topics from columns of messages, streamed: many messages need no more memory than few.

Periods (times between two messages of a topic) are counted in classes, sixteen to each doubling, so
that their middle is known within 3 %; only the longest are kept one by one, as they may be gaps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rosbag2.reading.columns import Samples

BINS = 200
"""Stretches of the histogram: equal parts of the bag's whole span."""

MAX_GAPS = 100
GAP_PERIODS = 3
_CLASSES = 64 * 16
_MIN_PERIODS = 2
"""Periods that there must be to speak of a rhythm."""

Numbers = NDArray[np.int64]
Times = NDArray[np.uint64]


@dataclass(frozen=True)
class Gap:
    """A silence of a topic: the messages before and after it, in nanoseconds."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class Rhythm:
    """Regularity of a topic, in nanoseconds; all 0 with too few messages.

    `period_ns` is the middle one, `jitter_ns` the standard deviation of the periods that are no gaps. A
    gap is longer than three periods; `gaps` are the longest of them, by time, `gap_count` are all.
    """

    period_ns: int = 0
    jitter_ns: float = 0.0
    gap_count: int = 0
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class TopicFigures:
    """Figures of one topic; times are None without messages."""

    count: int
    size: int
    first_ns: int | None
    last_ns: int | None
    histogram: tuple[int, ...]
    rhythm: Rhythm


class TopicStatistics:
    """Counts messages by topic; topics have places, 0 and on."""

    def __init__(self, places: int, start_ns: int, end_ns: int) -> None:
        self.start_ns = start_ns
        self.width = (end_ns - start_ns) // BINS + 1
        self.counts = np.zeros(places, np.int64)
        self.sizes = np.zeros(places, np.int64)
        self.firsts = np.full(places, np.iinfo(np.int64).max)
        self.lasts = np.full(places, np.iinfo(np.int64).min)
        self.activity = np.zeros((places, BINS), np.int64)
        self.classes = np.zeros((places, _CLASSES), np.int32)
        self.sums = np.zeros(places)
        self.squares = np.zeros(places)
        self.longest: list[list[tuple[int, int, int]]] = [[] for _ in range(places)]

    def add(self, places: Numbers, samples: Samples) -> None:
        """Take messages whose topics have these places."""
        if not len(places):
            return
        order = _by_topic_and_time(places, samples.times_ns)
        places, times, sizes = places[order], samples.times_ns[order], samples.sizes[order]
        starts = np.flatnonzero(np.concatenate(([True], places[1:] != places[:-1])))
        ends = np.append(starts[1:], len(places)) - 1
        topics = places[starts]
        self._periods(topics, places, times, starts)
        self.counts[topics] += ends - starts + 1
        self.sizes[topics] += np.add.reduceat(sizes, starts)
        self.firsts[topics] = np.minimum(self.firsts[topics], times[starts])
        self.lasts[topics] = np.maximum(self.lasts[topics], times[ends])
        since = times.view(np.uint64) - np.uint64(self.start_ns % 2**64)
        bins = np.minimum(since // np.uint64(self.width), BINS - 1).astype(np.int64)
        _count(self.activity, places, bins)

    def _periods(self, topics: Numbers, places: Numbers, times: Numbers, starts: Numbers) -> None:
        """Take the periods between neighbours, the first of each topic against its last earlier message."""
        before = np.empty_like(times)
        before[1:] = times[:-1]
        # A message that is older than its predecessor is out of order and gives no period.
        before[starts] = self.lasts[topics]
        ordered = before <= times
        ordered[starts] &= self.counts[topics] > 0
        places, times, before = places[ordered], times[ordered], before[ordered]
        periods = times.view(np.uint64) - before.view(np.uint64)
        exact = periods.astype(np.float64)
        classes = np.minimum(np.log2(np.maximum(exact, 1.0)) * 16, _CLASSES - 1).astype(np.int64)
        _count(self.classes, places, classes)
        self.sums += np.bincount(places, exact, len(self.sums))
        self.squares += np.bincount(places, exact * exact, len(self.squares))
        self._keep_longest(places, before, periods)

    def _keep_longest(self, places: Numbers, before: Numbers, periods: Times) -> None:
        if not len(places):
            return
        starts = np.flatnonzero(np.concatenate(([True], places[1:] != places[:-1])))
        for start, end in zip(starts, np.append(starts[1:], len(places)), strict=True):
            longest = self.longest[places[start]]
            part = periods[start:end]
            if len(part) > MAX_GAPS:
                chosen = np.argpartition(part, -MAX_GAPS)[-MAX_GAPS:]
            else:
                chosen = np.arange(len(part))
            if len(longest) >= MAX_GAPS:
                chosen = chosen[part[chosen] > longest[-1][0]]
            if len(chosen):
                fresh = zip(part[chosen].tolist(), before[start:end][chosen].tolist(), strict=True)
                longest += [(period, since, since + period) for period, since in fresh]
                longest.sort(reverse=True)
                del longest[MAX_GAPS:]

    def result(self, place: int) -> TopicFigures:
        """Figures of the topic with this index."""
        count = int(self.counts[place])
        return TopicFigures(
            count=count,
            size=int(self.sizes[place]),
            first_ns=int(self.firsts[place]) if count else None,
            last_ns=int(self.lasts[place]) if count else None,
            histogram=tuple(self.activity[place].tolist()),
            rhythm=self._rhythm(place),
        )

    def _rhythm(self, place: int) -> Rhythm:
        classes = self.classes[place]
        periods_count = int(classes.sum())
        if periods_count < _MIN_PERIODS:
            return Rhythm()
        middle = int(np.searchsorted(np.cumsum(classes), (periods_count + 1) // 2))
        period = 2 ** ((middle + 0.5) / 16)
        threshold = GAP_PERIODS * period
        gaps = [entry for entry in self.longest[place] if entry[0] > threshold]
        more = int(classes[int(np.log2(threshold) * 16) + 1 :].sum())
        lengths = [float(length) for length, _, _ in gaps]
        return Rhythm(
            period_ns=round(period),
            jitter_ns=self._jitter(place, periods_count, lengths),
            gap_count=max(more, len(gaps)) if len(gaps) == MAX_GAPS else len(gaps),
            gaps=tuple(Gap(start, end) for _, start, end in sorted(gaps, key=lambda gap: gap[1])),
        )

    def _jitter(self, place: int, periods_count: int, gaps: list[float]) -> float:
        count = periods_count - len(gaps)
        if count < _MIN_PERIODS:
            return 0.0
        total = self.sums[place] - sum(gaps)
        squares = self.squares[place] - sum(gap * gap for gap in gaps)
        with np.errstate(all="ignore"):
            spread = float(np.sqrt(max(squares / count - (total / count) ** 2, 0.0)))
        return spread if np.isfinite(spread) else 0.0


def _by_topic_and_time(places: Numbers, times: Numbers) -> Numbers:
    """Stable order by topic, then time; most recordings are in order of time already."""
    order = np.argsort(places.astype(np.int16), kind="stable")
    sorted_places, sorted_times = places[order], times[order]
    same = sorted_places[1:] == sorted_places[:-1]
    if bool(np.all(sorted_times[1:][same] >= sorted_times[:-1][same])):
        return order
    return np.lexsort((times, places))


def _count(table: NDArray[np.int64] | NDArray[np.int32], rows: Numbers, cells: Numbers) -> None:
    """Add one to each cell; only the cells that are met cost anything."""
    width = table.shape[1]
    keys = rows * width + cells
    if table.size <= 4 * len(keys):
        table += np.bincount(keys, minlength=table.size).reshape(table.shape).astype(table.dtype)
        return
    met, counts = np.unique(keys, return_counts=True)
    table.reshape(-1)[met] += counts.astype(table.dtype)
