"""Times that cannot be: each message is judged by its neighbours in the order of the file.

Messages are taken in batches. What is kept of them are stretches without a leap, of each the first and the
last few messages, so that the cost is two comparisons a message and no memory.

- A leap of more than MAX_SILENCE leads to another clock. Few messages there are impossible, and so are any
  number at one instant, unless the file begins with them (a clock that was not set yet). Many messages of a
  running clock are a real jump and stay.
- A leap back of more than MAX_BACK has few impossible messages on one of its sides, which leave the order of
  the file and return to it. Where neither side is few, or there are many such leaps, files are written out of
  order, and nothing is impossible. Nor is what leaves the order of the file but not that of its own topic,
  unless it is the first or last one of a topic with more than a few: it was written late, or topic by topic.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rosbag2.reading.base import MAX_BACK

MAX_SILENCE = 31 * 86_400 * 10**9
FEW = 10
_MAX_RUNS = 4
_FAR_SMALLER = 10
_MIN_SHARE = 20
"""So many messages of a file stand against one that leaves its order."""
_MAX_STRETCHES = 20_000
_MAX_BREAKS = 200_000
Edge = tuple[int, int]
"""Time and topic number of a message."""
_Times = NDArray[np.int64]


@dataclass(frozen=True)
class Stray:
    """Messages that follow each other with impossible times: the number of the first, and how many.

    They were recorded between the times before and after; None at the ends of the file.
    """

    start: int
    count: int
    first: Edge
    before_ns: int | None
    after_ns: int | None

    @property
    def end(self) -> int:
        """The number of the message behind them."""
        return self.start + self.count


@dataclass
class _Stretch:
    start: int
    count: int = 0
    lowest: int = 2**63
    highest: int = -(2**63)
    head: list[Edge] = field(default_factory=list)
    tail: list[Edge] = field(default_factory=list)

    def add(self, times: _Times, topics: _Times) -> None:
        self.count += len(times)
        self.lowest = min(self.lowest, int(times.min()))
        self.highest = max(self.highest, int(times.max()))
        if len(self.head) <= FEW:
            more = FEW + 1 - len(self.head)
            self.head += _edges(times[:more], topics[:more])
        self.tail = (self.tail + _edges(times[-FEW - 1 :], topics[-FEW - 1 :]))[-FEW - 1 :]

    @property
    def is_frozen(self) -> bool:
        return self.lowest == self.highest


def _edges(times: _Times, topics: _Times) -> list[Edge]:
    return list(zip(times.tolist(), topics.tolist(), strict=True))


class TimeRule:
    """Takes the messages of one file in its order, and tells which of them have impossible times."""

    def __init__(self) -> None:
        self.stretches: list[_Stretch] = []
        self.count = 0
        self._counts = Counter[int]()
        self._latest: dict[int, Edge] = {}
        self._breaks: set[int] = set()
        """Both messages of each leap back within a topic, by their number."""

    def take(self, times: _Times, topics: _Times) -> None:
        """Take the next messages: their times and topic numbers."""
        if len(times) and len(self.stretches) <= _MAX_STRETCHES:
            before = self.stretches[-1].tail[-1][0] if self.stretches else int(times[0])
            steps = np.diff(times.astype(np.float64), prepend=float(before))
            leaps = set(np.flatnonzero((steps < -MAX_BACK) | (steps > MAX_SILENCE)).tolist())
            for start, end in pairwise([*sorted(leaps | {0}), len(times)]):
                if start in leaps or not self.stretches:
                    self.stretches.append(_Stretch(self.count + start))
                self.stretches[-1].add(times[start:end], topics[start:end])
            if len(self._breaks) <= _MAX_BREAKS:
                self._note_breaks(times, topics)
        self.count += len(times)

    def _note_breaks(self, times: _Times, topics: _Times) -> None:
        order = np.argsort(topics, kind="stable")
        numbers = order + self.count
        ordered = times[order]
        starts = np.flatnonzero(np.diff(topics[order], prepend=topics[order[0]] - 1))
        back = np.diff(ordered.astype(np.float64), prepend=0.0) < -MAX_BACK
        back[starts] = False
        places = np.flatnonzero(back)
        self._breaks.update(numbers[places].tolist(), numbers[places - 1].tolist())
        for start, end in pairwise([*starts.tolist(), len(order)]):
            before, number = self._latest.get(topic := int(topics[order[start]]), (None, 0))
            if before is not None and before - int(ordered[start]) > MAX_BACK:
                self._breaks.update((number, int(numbers[start])))
            self._counts[topic] += end - start
            self._latest[topic] = (int(ordered[end - 1]), int(numbers[end - 1]))

    def strays(self) -> list[Stray]:
        """The impossible ones, by their number; all messages were taken."""
        if not 1 < len(self.stretches) <= _MAX_STRETCHES:
            return []
        others = _other_clocks(self.stretches, self.count)
        rest = [stretch for place, stretch in enumerate(self.stretches) if place not in others]
        runs = _runs(rest, self.count, self._leaves_topic)
        return sorted([*others.values(), *runs], key=lambda stray: stray.start)

    def _leaves_topic(self, stray: Stray) -> bool:
        """Return whether messages leave the order of their topic, or may do so at one of its ends."""
        is_end = stray.count == 1 and self._counts[stray.first[1]] > FEW
        return is_end or not self._breaks.isdisjoint(range(stray.start, stray.end))


def _other_clocks(stretches: list[_Stretch], total: int) -> dict[int, Stray]:
    """The stretches of an impossible clock, by their place."""
    clocks: list[list[int]] = [[0]]
    for place, (one, other) in enumerate(pairwise(stretches)):
        if abs(other.head[0][0] - one.tail[-1][0]) > MAX_SILENCE:
            clocks.append([])
        clocks[-1].append(place + 1)
    counts = [sum(stretches[place].count for place in places) for places in clocks]
    largest = counts.index(max(counts))
    doubtful: list[int] = []
    sound: list[_Stretch] = []
    for number, (places, count) in enumerate(zip(clocks, counts, strict=True)):
        is_frozen = places[0] > 0 and all(stretches[place].is_frozen for place in places)
        if number != largest and (count <= FEW or is_frozen):
            doubtful += places
        else:
            sound += [stretches[place] for place in places]
    chosen = {place for place in doubtful if all(_is_far(stretches[place], s) for s in sound)}
    if 2 * sum(stretches[place].count for place in chosen) >= total:
        return {}
    return {place: _as_stray(stretches, place, chosen) for place in chosen}


def _is_far(one: _Stretch, other: _Stretch) -> bool:
    return max(one.lowest - other.highest, other.lowest - one.highest) > MAX_SILENCE


def _as_stray(stretches: list[_Stretch], place: int, left_out: set[int]) -> Stray:
    """One stretch as a stray, with the times of its nearest neighbours that stay."""
    earlier = (p for p in range(place - 1, -1, -1) if p not in left_out)
    later = (p for p in range(place + 1, len(stretches)) if p not in left_out)
    before, after = next(earlier, None), next(later, None)
    return Stray(
        stretches[place].start,
        stretches[place].count,
        stretches[place].head[0],
        None if before is None else stretches[before].tail[-1][0],
        None if after is None else stretches[after].head[0][0],
    )


def _runs(
    stretches: list[_Stretch], total: int, leaves_topic: Callable[[Stray], bool]
) -> list[Stray]:
    """Few messages that leave the order of the file, and of a topic."""
    found: list[_Run] = []
    places = 0
    for place, (one, other) in enumerate(pairwise(stretches)):
        if MAX_BACK < one.tail[-1][0] - other.head[0][0] <= MAX_SILENCE:
            late = _late_run(one, other, is_first=place == 0)
            early = _early_run(one, other, is_last=place + 2 == len(stretches))
            places += bool(late or early)
            found += _better([run for run in (late, early) if run and leaves_topic(run[2])])
    share = sum(count for count, _, _ in found) * _MIN_SHARE
    return [stray for _, _, stray in found] if share <= total and places <= _MAX_RUNS else []


_Run = tuple[int, int, Stray]
"""The number of messages, the longest gap left at their place without them, and the messages."""


def _better(runs: list[_Run]) -> list[_Run]:
    """The explanation of a leap back with fewer messages; of as many, one that leaves a far smaller gap."""
    runs = sorted(runs, key=lambda run: run[:2])
    if len(runs) == 2:  # noqa: PLR2004
        better, worse = runs
        if better[0] == worse[0] and _FAR_SMALLER * better[1] > worse[1]:
            return []
    return runs[:1]


def _late_run(one: _Stretch, other: _Stretch, *, is_first: bool) -> _Run | None:
    """The last messages of a stretch that are later than the next one begins."""
    after, _ = other.head[0]
    early = [place for place, (time, _) in enumerate(one.tail) if time <= after + MAX_BACK]
    if not early:
        if not is_first or one.count > 1:
            return None
        return 1, _longest_gap(other.head[:2]), Stray(one.start, 1, one.head[0], None, after)
    count = len(one.tail) - 1 - early[-1]
    before, _ = one.tail[early[-1]]
    stray = Stray(one.start + one.count - count, count, one.tail[-count], before, after)
    return count, _longest_gap([one.tail[early[-1]], *other.head[:2]]), stray


def _early_run(one: _Stretch, other: _Stretch, *, is_last: bool) -> _Run | None:
    """The first messages of a stretch that are earlier than the one before ends."""
    before, _ = one.tail[-1]
    count = next((n for n, (time, _) in enumerate(other.head) if time >= before - MAX_BACK), 0)
    if count:
        after, _ = other.head[count]
        stray = Stray(other.start, count, other.head[0], before, after)
        return count, _longest_gap([*one.tail[-2:], other.head[count]]), stray
    if is_last and other.is_frozen:
        # Any number at one instant is one event: the end of the file is zero.
        stray = Stray(other.start, other.count, other.head[0], before, None)
        return 1, _longest_gap(one.tail[-2:]), stray
    return None


def _longest_gap(edges: Sequence[Edge]) -> int:
    return max((abs(after - before) for (before, _), (after, _) in pairwise(edges)), default=0)
