"""The player and its feed, without a unit."""

import threading
import time

import pytest

from agent.failures import UnitFailure
from agent.feed import Feed, Timing
from agent.replay import Playback, PlaybackControl, Player
from agent.tests.conftest import IMU, ODOM, until, write_bag
from rosbag2.errors import BagError

SECOND = 1_000_000_000


def now() -> int:
    return time.monotonic_ns()


def play(feed, publishers, playback, *, release=now, began=lambda: None, halt=None):
    if not isinstance(publishers, dict):
        publishers = {"/odom": publishers, "/imu": publishers}
    thread = Player(
        feed,
        publishers,
        playback,
        PlaybackControl(release, began, halt or threading.Event()),
        agents=len(publishers["/odom"]),
    )
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    thread.drain()
    return thread


def prepare_feed(folder, *, rate=1.0, topics=("/odom", "/imu"), **options):
    timing = {key: options.pop(key) for key in ("max_gap_seconds", "part") if key in options}
    feed = Feed(folder, topics, Timing(rate, **timing), **options)
    feed.prepare()
    return feed


def test_messages_are_never_published_early(tmp_path):
    stamps = [5 * SECOND + offset for offset in (0, 100_000_000, 300_000_000)]
    feed = prepare_feed(write_bag(tmp_path / "b", stamps), rate=2.0)
    times: list[int] = []
    start = now() + 100_000_000
    thread = play(feed, [lambda _: times.append(now())], Playback(2.0, 2, 0), release=lambda: start)
    due = [start + offset for offset in (0, 50_000_000, 150_000_000)]
    due += [225_000_000 + instant for instant in due]  # after the mean time between two messages
    assert all(actual >= expected for actual, expected in zip(times, due, strict=True))
    assert thread.finished
    assert (thread.published, thread.passes) == (6, 2)


def test_only_played_topics_are_timed_and_counted(tmp_path):
    bag = write_bag(tmp_path / "b", [0, 3600 * SECOND, 1, 7200 * SECOND], (ODOM, IMU))
    thread = play(prepare_feed(bag, topics=("/odom",)), [lambda _: None], Playback(1.0, 3, 0))
    assert thread.published == 6


def test_passes_of_a_bag_with_one_message(tmp_path):
    thread = play(
        prepare_feed(write_bag(tmp_path / "b", [7])), [lambda _: None], Playback(1.0, 50, 0)
    )
    assert (thread.published, thread.passes, thread.finished) == (50, 50, True)


def test_an_empty_bag_ends_at_once(tmp_path):
    thread = play(
        prepare_feed(write_bag(tmp_path / "b", [])), [lambda _: None], Playback(1.0, 5, 0)
    )
    assert (thread.published, thread.passes, thread.finished) == (0, 5, True)


@pytest.mark.parametrize("rate", [0.0, 1e9])
def test_a_large_bag_is_read_ahead_with_the_same_result(tmp_path, rate):
    bag = write_bag(tmp_path / "b", list(range(3000)))
    runs: list[list[bytes]] = []
    for keep in (0, 2**30):
        messages: list[bytes] = []
        feed = prepare_feed(bag, rate=rate, max_loaded_bytes=keep)
        thread = play(feed, [messages.append], Playback(rate, 3, 0))
        feed.close()
        assert thread.finished
        runs.append(messages)
    assert len(runs[0]) == 9000
    assert runs[0] == runs[1]


def test_every_agent_gets_every_message_in_order(tmp_path):
    messages: list[tuple[int, bytes]] = []
    publishers = [lambda data, n=n: messages.append((n, data)) for n in range(3)]
    thread = play(
        prepare_feed(write_bag(tmp_path / "b", [0, 1, 2])), publishers, Playback(1.0, 1, 0)
    )
    assert [number for number, _ in messages] == [0, 1, 2] * 3
    assert len({data for _, data in messages}) == 3
    assert thread.published == 3


def test_the_release_is_updated_until_the_start(tmp_path):
    first = now() + 3600 * SECOND
    answers = [first, first]
    feed = prepare_feed(write_bag(tmp_path / "b", [0]))
    thread = play(
        feed,
        [lambda _: None],
        Playback(1.0, 1, 0),
        release=lambda: answers.pop() if answers else now() + 1_000_000,
    )
    assert thread.published == 1
    assert thread.release_ns < first


def test_a_failing_publisher_ends_the_player(tmp_path):
    def broken(_: bytes) -> None:
        raise OSError("no network")

    thread = play(prepare_feed(write_bag(tmp_path / "b", [0, 1])), [broken], Playback(1.0, 1, 0))
    assert isinstance(thread.error, OSError)
    assert not thread.finished
    assert thread.published == 0


def test_a_bag_damaged_while_read_ahead_is_an_error(tmp_path):
    bag = write_bag(tmp_path / "b", list(range(20_000)))
    feed = Feed(bag, ["/odom", "/imu"], Timing(0), max_loaded_bytes=0)
    feed.prepare()
    data = next(bag.glob("*.db3"))
    data.write_bytes(b"x" * data.stat().st_size)
    thread = play(feed, [lambda _: None], Playback(0, 1000, 0))
    feed.close()
    assert isinstance(thread.error, BagError)


def test_a_halt_before_the_release_publishes_nothing(tmp_path):
    halt = threading.Event()
    began: list[int] = []
    halt.set()
    thread = play(
        prepare_feed(write_bag(tmp_path / "b", [0])),
        [lambda _: None],
        Playback(1.0, 1, 0),
        release=lambda: now() + 3600 * SECOND,
        began=lambda: began.append(1),
        halt=halt,
    )
    assert (thread.published, thread.finished, thread.started_ns, began) == (0, False, 0, [])


def test_a_halt_during_replay_ends_it(tmp_path):
    halt = threading.Event()
    feed = prepare_feed(write_bag(tmp_path / "b", [0, 1]))
    control = PlaybackControl(now, lambda: None, halt)
    thread = Player(feed, {"/odom": [id], "/imu": [id]}, Playback(1.0, 10**9, 0), control, agents=1)
    thread.start()
    until(lambda: thread.published > 10)
    halt.set()
    thread.join(10)
    assert not thread.finished
    assert thread.published < 2 * 10**9


def test_a_missing_topic_is_named(tmp_path):
    feed = Feed(write_bag(tmp_path / "b", [0]), ["/ghost"], Timing())
    with pytest.raises(UnitFailure, match="/ghost"):
        feed.prepare()
