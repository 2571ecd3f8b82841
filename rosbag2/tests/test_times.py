"""The rule of impossible times, on times alone: what neighbours allow stays, all else is found exactly."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from rosbag2.checks.times import TimeRule
from rosbag2.tests.bundles import START

SECOND = 10**9
DAY = 86_400 * SECOND
DENSE, SLOW, SPARSE = SECOND // 100, SECOND // 10, 10 * SECOND


def _ticks(count: int, step: int = SLOW, start: int = START) -> list[int]:
    return [start + n * step for n in range(count)]


def _strays(
    times: Sequence[int], topics: Sequence[int] | None = None, batch: int = 500
) -> list[int]:
    """The numbers of the messages that the rule finds."""
    rule = TimeRule()
    numbers = np.array([0] * len(times) if topics is None else topics, np.int64)
    for start in range(0, len(times), batch):
        part = slice(start, start + batch)
        rule.take(np.array(times[part], np.int64), numbers[part])
    return [n for stray in rule.strays() for n in range(stray.start, stray.end)]


def _flipped(time: int, bit: int) -> int:
    value = (time % 2**64) ^ 1 << bit
    return value - 2**64 if value >= 2**63 else value


@pytest.mark.parametrize("batch", [7, 500])
@pytest.mark.parametrize("step", [DENSE, SLOW])
@pytest.mark.parametrize("place", [1, 500, 774, 1547])
@pytest.mark.parametrize("start", [0, START])
def test_each_flipped_bit_between_others(start: int, step: int, place: int, batch: int) -> None:
    for bit in range(64):
        times = _ticks(1549, step, start)
        times[place] = _flipped(times[place], bit)
        found = _strays(times, [n % 3 for n in range(1549)], batch)
        # Below ten seconds a message may be late; from there on none passes.
        assert found in ([[place]] if bit > 33 else [[], [place]]), bit


@pytest.mark.parametrize("step", [DENSE, SLOW, SPARSE])
@pytest.mark.parametrize("place", [0, 1, 30, 58, 59])
def test_no_flipped_bit_condemns_another_message_or_plays_for_years(step: int, place: int) -> None:
    for bit in range(64):
        times = _ticks(60, step)
        times[place] = _flipped(times[place], bit)
        found = _strays(times, [n % 2 for n in range(60)])
        assert found in ([], [place]), bit
        left = [time for n, time in enumerate(times) if n not in found]
        assert max(left) - min(left) < 40 * DAY, bit


@pytest.mark.parametrize("zeros", [1, 2, 9, 10, 11, 50, 100])
@pytest.mark.parametrize("start", [5 * SECOND, START])
def test_a_zero_tail(start: int, zeros: int) -> None:
    times = _ticks(1549 - zeros, SLOW, start) + [0] * zeros
    assert _strays(times) == list(range(1549 - zeros, 1549))


def test_a_page_of_anything() -> None:
    rolled = random.Random(1)  # noqa: S311
    times = _ticks(1500)
    times[700:730] = [rolled.randrange(-(2**63), 2**63) for _ in range(30)]
    assert _strays(times) == list(range(700, 730))


def _shuffled(times: list[int]) -> list[int]:
    random.Random(1).shuffle(times)  # noqa: S311
    return times


SOUND = {
    "hours of silence": _ticks(10) + _ticks(10, start=START + DAY // 4),
    "a day before the first": _ticks(1) + _ticks(50, start=START + DAY),
    "days before the last": _ticks(50) + _ticks(1, start=START + 20 * DAY),
    "months between many": _ticks(50) + _ticks(50, start=START + 200 * DAY),
    "one message a year": _ticks(9, 366 * DAY),
    "a clock that was set": _ticks(100, start=0) + _ticks(3000),
    "a clock that was set back to nothing": _ticks(3000) + _ticks(100, start=0),
    "a clock that was set back ten seconds": _ticks(300) + _ticks(300, start=START + 20 * SECOND),
    "a simulation that waits for its clock": [0] * 40 + _ticks(500, start=100 * SECOND),
    "a simulation that begins anew": _ticks(300, start=0) + _ticks(20, start=0),
    "before the epoch": [-5 * SECOND, *_ticks(20, start=0)],
    "one instant": [START] * 100,
    "two instants": [1000] * 100 + [2998] * 30,
    "no order": _shuffled(_ticks(500)),
    "two messages": [0, START],
    "one message": [START],
    "none": [],
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_times_stay(name: str) -> None:
    assert _strays(SOUND[name]) == []


def test_files_that_are_written_topic_by_topic_stay() -> None:
    many = _ticks(300)
    assert _strays(many * 3, [n // 300 for n in range(900)]) == []
    for single in (START, START + 3 * SECOND, START + 60 * SECOND):
        assert _strays([*many, single, *many], [0] * 300 + [1] + [2] * 300) == []
        assert _strays([*many, single], [0] * 300 + [1]) == []


def test_a_topic_that_is_written_late_stays() -> None:
    messages = [(n * 2, START + n * 2 * SLOW, 0) for n in range(1000)]
    messages += [(n * 20 + 200.5, START + n * 20 * SLOW, 1) for n in range(90)]
    messages.sort()
    assert _strays([time for _, time, _ in messages], [topic for _, _, topic in messages]) == []


def _seconds(*parts: tuple[int, list[float]]) -> tuple[list[int], list[int]]:
    """Times and topics of parts that are written one after the other."""
    return (
        [START + int(time * SECOND) for _, times in parts for time in times],
        [topic for topic, times in parts for _ in times],
    )


FAST = [n / 50 for n in range(1000)]


@pytest.mark.parametrize("batch", [7, 500])
@pytest.mark.parametrize(
    "parts",
    [
        ((0, FAST), (1, [n * 2.0 for n in range(9)])),
        ((1, [n * 2.0 for n in range(9)]), (0, FAST)),
        ((0, FAST), (1, [n * 2.0 for n in range(9)]), (2, FAST)),
        ((0, FAST[:3]), (1, [-40.0]), (0, FAST[3:])),
        ((0, FAST[:3]), (1, [-172_800.0]), (0, FAST[3:])),
        ((0, FAST[:900]), (1, [8.0]), (0, FAST[900:])),
        ((0, FAST[:900]), (1, [2.0, 2.5, 3.0, 3.5]), (0, FAST[900:])),
        ((0, FAST[:850]), (1, [7.0]), (0, FAST[850:900]), (1, [8.0]), (0, FAST[900:])),
    ],
    ids=["behind", "before", "between", "latched", "days", "late", "burst", "slow"],
)
def test_what_keeps_the_order_of_its_topic_stays(
    parts: tuple[tuple[int, list[float]], ...], batch: int
) -> None:
    assert _strays(*_seconds(*parts), batch) == []


@pytest.mark.parametrize("batch", [7, 500])
def test_the_first_and_last_of_a_topic_are_judged_by_the_file(batch: int) -> None:
    times, topics = _seconds((0, FAST[:500]), (1, [20.0]), (1, FAST[501:800]), (0, FAST[800:]))
    assert _strays(times, topics, batch) == [500]
    times, topics = _seconds((0, FAST[:500]), (1, FAST[500:800]), (1, [0.0]), (0, FAST[801:]))
    assert _strays(times, topics, batch) == [800]
    times, topics = _seconds((0, FAST[:500]), (1, [0.0]), (1, FAST[501:800]), (0, FAST[800:]))
    assert _strays(times, topics, batch) == [500]
