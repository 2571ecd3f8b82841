"""The length of a pass from the index of its rosbag, with long gaps shortened."""

import random
from itertools import pairwise
from pathlib import Path

import pytest

from rosbag2.checks.index import index_bag
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from storage.models import RosbagTopic
from templates.services.pass_length import PassLength, pass_length

Times = dict[str, list[float]]
"""Seconds of the messages of each topic."""


def write(folder: Path, times: Times) -> Path:
    messages = sorted((time, name) for name, own in times.items() for time in own)
    with BagWriter(folder) as bag:
        ids = {name: bag.add_topic(Topic(name, "std_msgs/msg/String")) for name in times}
        for time, name in messages:
            bag.write(ids[name], 10**9 + round(time * 1e9), b"\0\1\0\0\1\0\0\0\0")
    return folder


def indexed(folder: Path, times: Times) -> list[RosbagTopic]:
    """Topics as verification stores them."""
    index = index_bag(write(folder, times))
    return [
        RosbagTopic(
            name=topic.name,
            message_count=topic.message_count,
            first_ns=topic.first_ns,
            last_ns=topic.last_ns,
            period_ns=rhythm.period_ns,
            gap_count=rhythm.gap_count,
            gaps=[[gap.start_ns, gap.end_ns] for gap in rhythm.gaps],
        )
        for topic, rhythm in zip(index.topics, index.rhythms, strict=True)
    ]


def every(seconds: float, begin: float, end: float) -> list[float]:
    return [begin + seconds * number for number in range(round((end - begin) / seconds) + 1)]


def played(times: Times, max_gap: float) -> float:
    """The length as an agent plays it."""
    merged = sorted(time for own in times.values() for time in own)
    return sum(min(after - before, max_gap) for before, after in pairwise(merged))


FAST = [*every(0.1, 0, 10), *every(0.1, 3610, 3620)]
YEARS = 56 * 365 * 86400.0
KNOWN: dict[str, tuple[Times, float]] = {
    "one silence": ({"/a": FAST}, 1),
    "none that long": ({"/a": FAST}, 7200),
    "a clock that was set": ({"/a": [0, *every(0.1, YEARS, YEARS + 3)]}, 1),
    "a latched message": ({"/a": FAST, "/tf_static": [0.05]}, 1),
    "two messages": ({"/a": FAST, "/map": [5, 1000]}, 1),
    "topics in turn": ({"/a": every(0.1, 0, 10), "/b": every(0.1, 500, 510)}, 2),
    "one that fills the silence": ({"/a": FAST, "/b": every(0.5, 0, 3620)}, 2),
    "a slower one, silent too": ({"/a": FAST, "/b": [*every(1, 0, 10), *every(1, 3610, 3620)]}, 2),
    "empty": ({"/a": []}, 1),
}


@pytest.mark.parametrize(("times", "max_gap"), KNOWN.values(), ids=KNOWN)
def test_length_is_that_of_the_playback(tmp_path: Path, times: Times, max_gap: float) -> None:
    length = pass_length(indexed(tmp_path / "bag", times), max_gap)
    assert (length.seconds, length.is_known) == (pytest.approx(played(times, max_gap)), True)


UNKNOWN: dict[str, tuple[Times, float]] = {
    "all are rare": ({"/a": every(60, 0, 6000)}, 1),
    "rare ones in the silence of others": ({"/a": FAST, "/b": every(60, 0, 3600)}, 1),
}


@pytest.mark.parametrize(("times", "max_gap"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_the_index_does_not_tell_is_said(tmp_path: Path, times: Times, max_gap: float) -> None:
    length = pass_length(indexed(tmp_path / "bag", times), max_gap)
    assert not length.is_known
    assert length.seconds >= played(times, max_gap)


def test_a_clock_set_back_leaves_no_gap_in_the_index() -> None:
    topic = RosbagTopic(
        message_count=100, first_ns=0, last_ns=round(YEARS * 1e9), period_ns=10**8, gap_count=0
    )
    assert not pass_length([topic], 1).is_known


@pytest.mark.parametrize("seed", range(8))
def test_random_bags(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    times: Times = {}
    for name in ("/a", "/b", "/c"):
        time, own = chance.uniform(0, 50), []
        period = chance.choice([0.01, 0.5, 5])
        for _ in range(chance.choice([1, 2, 3, 50, 300])):
            own.append(time)
            time += period * chance.uniform(0.5, 1.5)
            time += chance.choice([0] * 20 + [period * 4, 100])
        times[name] = own
    max_gap = chance.choice([0.1, 2, 20])
    length = pass_length(indexed(tmp_path / "bag", times), max_gap)
    expected = played(times, max_gap)
    assert length.seconds >= expected - 1e-6
    assert not length.is_known or length.seconds == pytest.approx(expected)


def test_without_a_longest_gap_it_lasts_as_recorded(tmp_path: Path) -> None:
    times = {"/a": FAST, "/b": [7000.0]}
    topics = indexed(tmp_path / "bag", times)
    assert pass_length(topics, None) == PassLength(7000.0)
    assert pass_length(topics[:1], None) == PassLength(3620.0)  # /b is not played
