"""Silence of a bag is played no longer than the template's longest gap."""

from pathlib import Path

import pytest

from agent.feed import Feed
from agent.replay import Playback
from agent.tests.conftest import IMU, ODOM, write_bag
from agent.tests.server import FakeServer
from agent.tests.test_player import SECOND, now, play, prepare_feed
from rosbag2.tests.bundles import database, metadata

MILLISECOND = 1_000_000
SET_AT = 56 * 365 * 86400 * SECOND
CLOCK_WAS_SET = [
    (1 + n % 2, n * MILLISECOND + (0 if n < 100 else SET_AT), n.to_bytes(4, "big"))
    for n in range(200)
]
"""Messages of two topics, 100 before the clock was set from 1970 to now, and 100 after it."""


def offsets(feed: Feed) -> list[int]:
    times = [offset for batch in feed.one_pass() for offset, _, _ in batch]
    feed.close()
    return times


@pytest.mark.parametrize(
    ("max_gap_seconds", "rate", "expected"),
    [
        (None, 1.0, [0, 2, 4, 3604, 3606]),
        (10, 1.0, [0, 2, 4, 14, 16]),
        (2, 1.0, [0, 2, 4, 6, 8]),  # a gap of just so long is kept
        (1, 1.0, [0, 1, 2, 3, 4]),
        (10, 2.0, [0, 1, 2, 7, 8]),  # it is recorded time
        (10, 0.0, [0, 0, 0, 0, 0]),
    ],
)
@pytest.mark.parametrize("keep", [0, 2**30])
def test_gaps_are_shortened(tmp_path, max_gap_seconds, rate, expected, keep):
    stamps = [7 * SECOND + second * SECOND for second in (0, 2, 4, 3604, 3606)]
    bag = write_bag(tmp_path / "b", stamps)
    feed = prepare_feed(bag, rate=rate, max_gap_seconds=max_gap_seconds, max_loaded_bytes=keep)
    assert offsets(feed) == [second * SECOND for second in expected]


def test_gaps_are_those_of_all_played_topics_together(tmp_path):
    stamps = [second * SECOND for second in (0, 5, 10, 15, 20)]  # /odom, /imu, /odom, ...
    bag = write_bag(tmp_path / "b", stamps, (ODOM, IMU))
    both = prepare_feed(bag, max_gap_seconds=6)
    assert offsets(both) == stamps
    one = prepare_feed(bag, max_gap_seconds=6, topics=("/odom",))
    assert offsets(one) == [second * SECOND for second in (0, 6, 12)]


def set_clock_bag(folder: Path, files: int = 1) -> Path:
    """Two stretches of messages, 56 years apart, in one file or one each."""
    folder.mkdir()
    per_file = len(CLOCK_WAS_SET) // files
    names = [f"bag_{number}.db3" for number in range(files)]
    for number, name in enumerate(names):
        first = number * per_file
        database(folder / name, CLOCK_WAS_SET[first : first + per_file])
    metadata(folder, files=names)
    return folder


@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize("keep", [0, 2**30])
def test_both_stretches_around_a_set_clock_are_played(tmp_path, files, keep):
    messages: list[bytes] = []
    bag = set_clock_bag(tmp_path / "b", files)
    feed = prepare_feed(bag, max_gap_seconds=0.1, max_loaded_bytes=keep)
    start = now()
    thread = play(feed, [messages.append], Playback(1.0, 2, 0), release=lambda: start)
    feed.close()
    assert (thread.passes, thread.finished) == (2, True)
    assert messages == [data for _, _, data in CLOCK_WAS_SET] * 2
    assert thread.last_ns - start >= 2 * (99 + 100 + 99) * MILLISECOND


def test_a_unit_plays_as_assigned(tmp_path, serve, start):
    agents = [{"number": n, "namespace": f"/agent_{n}"} for n in (1, 2)]
    bag = set_clock_bag(tmp_path / "bag")
    fake = FakeServer(bag, {"agents": agents, "max_gap_seconds": 0.1})
    assert start(serve(fake)).wait() == 0
    assert [agent.published for agent in fake.last.agents] == [200, 200]
    assert [agent.state for agent in fake.last.agents] == ["COMPLETED"] * 2
