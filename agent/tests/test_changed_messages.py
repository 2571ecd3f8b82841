"""Units publish changed messages, and record them as they were published."""

import time
from pathlib import Path

import msgspec
from rosbags.rosbag2 import Reader

from agent.tests.server import FakeServer
from agent.tests.test_rewriting import imu, layout_of_type
from rosbag2.formats.metadata import Topic
from rosbag2.tests.messages import STORE
from rosbag2.writing.sqlite_writer import BagWriter

FIRST = 1_600_000_000_000_000_000
SECOND = 1_000_000_000
IMU = "sensor_msgs/msg/Imu"


def nanoseconds(stamp) -> int:
    return stamp.sec * SECOND + stamp.nanosec


def imu_bag(folder: Path) -> Path:
    with BagWriter(folder) as writer:
        topic = writer.add_topic(Topic("/imu", IMU))
        for number in range(20):
            writer.write(topic, FIRST + number * SECOND // 20, imu())
    return folder


def imu_plan(**changes: object) -> dict[str, object]:
    layout = msgspec.to_builtins(layout_of_type(IMU))
    agents = [{"number": n, "namespace": f"/agent_{n}"} for n in (9, 1_234_567)]
    plan = {
        "topics": [{"name": "/imu", "publish_as": "/sensors/imu", "layout": layout}],
        "agents": agents,
        "record": [{"name": "/sensors/imu", "type": IMU}],
        "restamp": True,
        "prefix_frames": True,
    }
    return plan | changes


def recorded(fake: FakeServer, folder: Path) -> dict[str, list[object]]:
    messages: dict[str, list[object]] = {}
    with Reader(fake.save_recording(folder)) as reader:
        for connection, stamp, data in reader.messages():
            header = STORE.deserialize_cdr(data, IMU).header
            messages.setdefault(connection.topic, []).append((stamp, header))
    return messages


def test_own_recordings_hold_what_was_published(tmp_path, serve, start) -> None:
    fake = FakeServer(imu_bag(tmp_path / "bag"), imu_plan())
    before = time.time_ns()
    assert start(serve(fake)).wait() == 0
    messages = recorded(fake, tmp_path / "stored")
    assert set(messages) == {"/agent_9/sensors/imu", "/agent_1234567/sensors/imu"}
    for topic, rows in messages.items():
        assert len(rows) == 20
        stamps = [nanoseconds(header.stamp) for _, header in rows]
        assert stamps == sorted(set(stamps))
        assert all(before <= stamp <= at for (at, _), stamp in zip(rows, stamps, strict=True))
        assert {header.frame_id for _, header in rows} == {topic.split("/")[1] + "/base_link"}
    first, second = fake.last.agents
    assert (first.published, first.messages_unchanged) == (20, 0)
    assert second.published_bytes > first.published_bytes > 20 * len(imu())


def test_stamps_follow_the_clock(tmp_path, serve, start) -> None:
    plan = imu_plan(clock_hz=50.0, rate=2.0, passes=2)
    fake = FakeServer(imu_bag(tmp_path / "bag"), plan)
    assert start(serve(fake)).wait() == 0
    for rows in recorded(fake, tmp_path / "stored").values():
        stamps = [nanoseconds(header.stamp) for _, header in rows]
        assert stamps == sorted(set(stamps))
        for number, stamp in enumerate(stamps):
            assert stamp >= FIRST + number * SECOND // 20  # both passes, at any rate


def test_damaged_messages_are_published_as_they_are_and_counted(tmp_path, serve, start) -> None:
    bag = tmp_path / "bag"
    with BagWriter(bag) as writer:
        topic = writer.add_topic(Topic("/imu", IMU))
        for number, data in enumerate([imu(), imu()[:30], imu()]):
            writer.write(topic, FIRST + number, data)
    fake = FakeServer(bag, imu_plan(record=[]))
    assert start(serve(fake)).wait() == 0
    assert {agent.published for agent in fake.last.agents} == {3}
    assert {agent.messages_unchanged for agent in fake.last.agents} == {1}
