"""Agents play a part of a bag, with what subscribers must already have when it begins."""

import time

import pytest

from agent.failures import UnitFailure
from agent.pass_times import replay_seconds
from agent.played_part import PlayedPart, child_frames
from agent.replay import Playback
from agent.tests.conftest import IMU, ODOM, write_bag
from agent.tests.server import FakeServer
from agent.tests.test_player import SECOND, play, prepare_feed
from rosbag2.formats.metadata import Topic
from rosbag2.tests.messages import STORE, encoded
from rosbag2.writing.sqlite_writer import BagWriter

FIRST = 1_700_000_000 * SECOND
LATCHED = {"name": "/map", "qos": {"durability": "transient_local", "depth": 2}}


def contents(feed):
    messages = [
        (offset // SECOND, topic, data)
        for batch in feed.one_pass()
        for offset, topic, data in batch
    ]
    feed.close()
    return messages


def numbered_bag(folder, topics=("/odom",), seconds=range(10)):
    """A message of each topic every second, whose data are the second."""
    with BagWriter(folder) as writer:
        ids = [writer.add_topic(Topic(name, "std_msgs/msg/String")) for name in topics]
        for second in seconds:
            for topic in ids:
                writer.write(topic, FIRST + second * SECOND, b"\0\1\0\0" + bytes([second]))
    return folder


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, None, range(10)),
        (3, None, range(3, 10)),
        (0, 4, range(5)),
        (2.5, 4.5, (3, 4)),
        (9, 9, (9,)),
    ],
)
@pytest.mark.parametrize("keep", [0, 2**30])
def test_messages_outside_are_not_played(tmp_path, start, end, expected, keep):
    bag = numbered_bag(tmp_path / "b")
    feed = prepare_feed(bag, topics=("/odom",), part=PlayedPart(start, end), max_loaded_bytes=keep)
    messages = contents(feed)
    assert [data[4] for _, _, data in messages] == list(expected)
    assert [offset for offset, _, _ in messages] == list(range(len(expected)))
    assert feed.first_ns == FIRST + expected[0] * SECOND


def test_offsets_count_from_the_first_message_of_the_played_topics(tmp_path):
    stamps = [second * SECOND for second in (0, 5, 10, 15, 20)]  # /odom, /imu, /odom, ...
    bag = write_bag(tmp_path / "b", stamps, (ODOM, IMU))
    feed = prepare_feed(bag, topics=("/imu",), part=PlayedPart(end_offset=5))
    assert feed.first_ns == 5 * SECOND
    assert len(contents(feed)) == 1


def test_they_are_recorded_time_whatever_gaps_are_shortened(tmp_path):
    bag = numbered_bag(tmp_path / "b", seconds=(0, 1, 100, 101, 102))
    feed = prepare_feed(bag, topics=("/odom",), max_gap_seconds=2, part=PlayedPart(1, 101))
    assert [(offset, data[4]) for offset, _, data in contents(feed)] == [(0, 1), (2, 100), (3, 101)]


@pytest.mark.parametrize("part", [PlayedPart(11), PlayedPart(3.2, 3.8), PlayedPart(1e9, 2e9)])
def test_an_excerpt_without_messages_is_refused(tmp_path, part):
    with pytest.raises(UnitFailure, match="No message") as caught:
        prepare_feed(numbered_bag(tmp_path / "b"), topics=("/odom",), part=part)
    assert caught.value.code == "NO_MESSAGES"


@pytest.mark.parametrize(("depth", "kept"), [(1, [4]), (2, [3, 4]), (None, [0, 1, 2, 3, 4])])
@pytest.mark.parametrize("keep", [0, 2**30])
def test_every_pass_begins_with_latched_messages(tmp_path, depth, kept, keep):
    bag = numbered_bag(tmp_path / "b", ("/odom", "/map"))
    feed = prepare_feed(
        bag,
        topics=("/odom", "/map"),
        part=PlayedPart(5, 5),
        latched={"/map": depth},
        max_loaded_bytes=keep,
    )
    published: list[tuple[str, int]] = []
    publishers = {
        topic: [lambda data, t=topic: published.append((t, data[4]))] for topic in ("/odom", "/map")
    }
    thread = play(feed, publishers, Playback(1.0, 2, 0))
    feed.close()
    assert thread.finished
    expected = [("/map", second) for second in kept] + [("/odom", 5), ("/map", 5)]
    assert published == expected * 2


def transforms(*children: str) -> bytes:
    listed = [{"header": {"frame_id": "map"}, "child_frame_id": child} for child in children]
    return encoded("tf2_msgs/msg/TFMessage", transforms=listed)


def test_each_publisher_of_static_transforms_is_heard(tmp_path):
    sent = [transforms("a"), transforms("b", "c"), transforms("longer_name"), transforms("c", "b")]
    with BagWriter(tmp_path / "b") as writer:
        topic = writer.add_topic(Topic("/tf_static", "tf2_msgs/msg/TFMessage"))
        for number, data in enumerate([*sent, b"\0\1", transforms("late")]):
            writer.write(topic, FIRST + number * SECOND, data)
    part = PlayedPart(start_offset=5)
    feed = prepare_feed(
        tmp_path / "b", topics=("/tf_static",), part=part, latched={"/tf_static": 1}
    )
    assert [data for _, _, data in contents(feed)] == [sent[0], *sent[2:], transforms("late")]


@pytest.mark.parametrize("little", [True, False])
def test_frames_of_transforms(little):
    names = ["a", "base_link", "", "lidar/front"]
    message = STORE.deserialize_cdr(transforms(*names), "tf2_msgs/msg/TFMessage")
    data = bytes(STORE.serialize_cdr(message, "tf2_msgs/msg/TFMessage", little_endian=little))
    assert child_frames(data) == {name.encode() + b"\0" for name in names}
    assert child_frames(data[:40]) is None
    assert child_frames(b"\0\7\0\0" + data[4:]) is None


def test_all_of_a_bag_has_nothing_before_it(tmp_path):
    bag = numbered_bag(tmp_path / "b", ("/odom", "/map"))
    feed = prepare_feed(bag, topics=("/odom", "/map"), latched={"/map": 1})
    assert len(contents(feed)) == 20


def test_a_unit_plays_the_excerpt_with_its_gap_between_passes(tmp_path, serve, start):
    bag = numbered_bag(tmp_path / "bag", ("/odom", "/map"))
    plan = {"topics": ["/odom", LATCHED], "rate": 10.0, "passes": 2}
    plan |= {"start_offset": 5.0, "end_offset": 6.5, "pass_gap": 2}
    fake = FakeServer(bag, plan)
    assert start(serve(fake)).wait() == 0
    agent = fake.last.agents[0]
    assert (agent.published, agent.passes) == (2 * (2 + 4), 2)
    seconds = (fake.last.last_publication_ns - fake.release_ns) / 1e9
    # Both times are by estimates of the server's clock, which are as good as its quickest answers.
    assert seconds >= replay_seconds(0.1, 4, 2, 2) - 1


def test_an_unpaced_agent_pauses_between_passes(tmp_path):
    start = time.monotonic()
    feed = prepare_feed(numbered_bag(tmp_path / "b"), rate=0.0, topics=("/odom",))
    thread = play(feed, [id], Playback(0.0, 3, 0, pass_gap=0.1))
    assert (thread.published, thread.finished) == (30, True)
    assert time.monotonic() - start >= 0.2


def test_the_time_limit_ends_a_pause(tmp_path):
    feed = prepare_feed(numbered_bag(tmp_path / "b"), rate=100.0, topics=("/odom",))
    thread = play(feed, [id], Playback(100.0, 2, 3, pass_gap=3600))
    assert (thread.published, thread.finished) == (10, True)
