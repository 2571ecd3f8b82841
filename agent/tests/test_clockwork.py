"""The clockwork and its feed, without a unit around them."""

import threading
import time

import pytest

from agent.failures import UnitFailure
from agent.feed import Feed
from agent.replay import Clockwork, Cue, Pace
from agent.tests.conftest import IMU, ODOM, until, write_bag
from rosbag2.errors import BagError

SECOND = 1_000_000_000


def now() -> int:
    return time.monotonic_ns()


def play(feed, puts, pace, *, release=now, began=lambda: None, halt=None):
    thread = Clockwork(
        feed,
        {"/odom": puts, "/imu": puts},
        pace,
        Cue(release, began, halt or threading.Event()),
        agents=len(puts),
    )
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    thread.drain()
    return thread


def prepared(folder, *, rate=1.0, topics=("/odom", "/imu"), **options):
    feed = Feed(folder, topics, rate=rate, **options)
    feed.prepare()
    return feed


def test_each_message_goes_out_at_its_time_times_the_rate_never_before(tmp_path):
    stamps = [5 * SECOND + offset for offset in (0, 100_000_000, 300_000_000)]
    feed = prepared(write_bag(tmp_path / "b", stamps), rate=2.0)
    times: list[int] = []
    start = now() + 100_000_000
    thread = play(feed, [lambda _: times.append(now())], Pace(2.0, 2, 0), release=lambda: start)
    due = [start + offset for offset in (0, 50_000_000, 150_000_000)]
    due += [150_000_000 + instant for instant in due]
    assert all(actual >= wanted for actual, wanted in zip(times, due, strict=True))
    assert thread.finished
    assert not thread.late
    assert (thread.published, thread.passes) == (6, 2)


def test_only_the_played_topics_count_for_time_and_number(tmp_path):
    bag = write_bag(tmp_path / "b", [0, 3600 * SECOND, 1, 7200 * SECOND], (ODOM, IMU))
    thread = play(prepared(bag, topics=("/odom",)), [lambda _: None], Pace(1.0, 3, 0))
    assert thread.published == 6


def test_passes_of_a_bag_without_span_and_of_one_message(tmp_path):
    thread = play(prepared(write_bag(tmp_path / "b", [7])), [lambda _: None], Pace(1.0, 50, 0))
    assert (thread.published, thread.passes, thread.finished) == (50, 50, True)


def test_an_empty_bag_ends_at_once(tmp_path):
    thread = play(prepared(write_bag(tmp_path / "b", [])), [lambda _: None], Pace(1.0, 5, 0))
    assert (thread.published, thread.passes, thread.finished) == (0, 5, True)


@pytest.mark.parametrize("rate", [0.0, 1e9])
def test_a_large_bag_is_read_ahead_and_gives_the_same(tmp_path, rate):
    bag = write_bag(tmp_path / "b", list(range(3000)))
    seen: list[list[bytes]] = []
    for keep in (0, 2**30):
        got: list[bytes] = []
        feed = prepared(bag, rate=rate, keep_bytes=keep)
        thread = play(feed, [got.append], Pace(rate, 3, 0))
        feed.close()
        assert thread.finished
        seen.append(got)
    assert len(seen[0]) == 9000
    assert seen[0] == seen[1]


def test_every_agent_gets_every_message_in_order(tmp_path):
    got: list[tuple[int, bytes]] = []
    puts = [lambda data, n=n: got.append((n, data)) for n in range(3)]
    thread = play(prepared(write_bag(tmp_path / "b", [0, 1, 2])), puts, Pace(1.0, 1, 0))
    assert [number for number, _ in got] == [0, 1, 2] * 3
    assert len({data for _, data in got}) == 3
    assert thread.published == 3


def test_the_release_is_asked_again_until_the_start(tmp_path):
    first = now() + 3600 * SECOND
    answers = [first, first]
    feed = prepared(write_bag(tmp_path / "b", [0]))
    thread = play(
        feed,
        [lambda _: None],
        Pace(1.0, 1, 0),
        release=lambda: answers.pop() if answers else now() + 1_000_000,
    )
    assert thread.published == 1
    assert thread.release_ns < first


def test_a_publisher_that_fails_ends_it_with_the_error(tmp_path):
    def broken(_: bytes) -> None:
        raise OSError("no network")

    thread = play(prepared(write_bag(tmp_path / "b", [0, 1])), [broken], Pace(1.0, 1, 0))
    assert isinstance(thread.error, OSError)
    assert not thread.finished
    assert thread.published == 0


def test_a_bag_that_breaks_off_while_read_ahead_is_an_error(tmp_path):
    bag = write_bag(tmp_path / "b", list(range(20_000)))
    feed = Feed(bag, ["/odom", "/imu"], rate=0, keep_bytes=0)
    feed.prepare()
    data = next(bag.glob("*.db3"))
    data.write_bytes(b"x" * data.stat().st_size)
    thread = play(feed, [lambda _: None], Pace(0, 1000, 0))
    feed.close()
    assert isinstance(thread.error, BagError)


def test_a_halt_before_the_release_publishes_nothing(tmp_path):
    halt = threading.Event()
    began: list[int] = []
    halt.set()
    thread = play(
        prepared(write_bag(tmp_path / "b", [0])),
        [lambda _: None],
        Pace(1.0, 1, 0),
        release=lambda: now() + 3600 * SECOND,
        began=lambda: began.append(1),
        halt=halt,
    )
    assert (thread.published, thread.finished, thread.started_ns, began) == (0, False, 0, [])


def test_a_halt_in_the_middle(tmp_path):
    halt = threading.Event()
    feed = prepared(write_bag(tmp_path / "b", [0, 1]))
    cue = Cue(now, lambda: None, halt)
    thread = Clockwork(feed, {"/odom": [id], "/imu": [id]}, Pace(1.0, 10**9, 0), cue, agents=1)
    thread.start()
    until(lambda: thread.published > 10)
    halt.set()
    thread.join(10)
    assert not thread.finished
    assert thread.published < 2 * 10**9


def test_a_missing_topic_names_itself(tmp_path):
    feed = Feed(write_bag(tmp_path / "b", [0]), ["/ghost"], rate=1.0)
    with pytest.raises(UnitFailure, match="/ghost"):
        feed.prepare()
