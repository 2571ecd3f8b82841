"""Units and zenoh-ros2-sdk, another implementation of rmw_zenoh: each takes the other for a ROS 2 node."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

from agent.tests.conftest import PAUSE, ROOT, play_until_recorded
from agent.tests.server import FakeServer
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from tests.support.zenoh import Router

STORE = get_typestore(Stores.ROS2_JAZZY)
TYPES = STORE.types
TOPICS = {
    "/chatter": "std_msgs/msg/String",
    "/imu": "sensor_msgs/msg/Imu",
    "/odom": "nav_msgs/msg/Odometry",
}
AGENTS = [f"/agent_{number}" for number in range(1, 6)]
MESSAGES = 40
"""On each topic, 50 a second."""


def header(number: int) -> Any:
    stamp = TYPES["builtin_interfaces/msg/Time"](sec=number, nanosec=1)
    return TYPES["std_msgs/msg/Header"](stamp=stamp, frame_id=f"number {number}")


def message(kind: str, number: int) -> bytes:
    """A message of which the text or the frame is its number."""
    vector = TYPES["geometry_msgs/msg/Vector3"](x=1.0, y=2.0, z=3.0)
    turn = TYPES["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0)
    if kind == TOPICS["/chatter"]:
        value = TYPES[kind](data=f"number {number}")
    elif kind == TOPICS["/imu"]:
        none = np.zeros(9)
        value = TYPES[kind](header(number), turn, none, vector, none, vector, none)
    else:
        point = TYPES["geometry_msgs/msg/Point"](x=1.0, y=2.0, z=3.0)
        pose = TYPES["geometry_msgs/msg/Pose"](position=point, orientation=turn)
        twist = TYPES["geometry_msgs/msg/Twist"](linear=vector, angular=vector)
        value = TYPES[kind](
            header(number),
            "base_link",
            TYPES["geometry_msgs/msg/PoseWithCovariance"](pose, np.zeros(36)),
            TYPES["geometry_msgs/msg/TwistWithCovariance"](twist, np.zeros(36)),
        )
    return bytes(STORE.serialize_cdr(value, kind))


@pytest.fixture
def router() -> Iterator[Router]:
    router = Router()
    yield router
    router.close()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A bag of three types."""
    with BagWriter(tmp_path / "three") as writer:
        ids = {kind: writer.add_topic(Topic(name, kind)) for name, kind in TOPICS.items()}
        for number in range(MESSAGES):
            for kind, topic_id in ids.items():
                writer.write(topic_id, 10**9 + number * 20_000_000, message(kind, number))
    return tmp_path / "three"


@pytest.fixture
def sdk(router: Router) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []

    def begin(what: str, topics: dict[str, str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "agent.tests.zenoh.sdk",
                str(router.port),
                what,
                json.dumps(topics),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout
        while process.stdout.readline() != "ready\n":
            assert process.poll() is None
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def assignment(router: Router, **more: Any) -> dict[str, Any]:
    return {
        "link": {"transport": "zenoh", "endpoint": router.endpoint},
        "topics": [
            {"name": name, "type": kind, "type_hash": STORE.hash_rihs01(kind)}
            for name, kind in TOPICS.items()
        ],
    } | more


def test_it_decodes_every_message_of_five_agents(
    router: Router, sdk: Any, recording: Path, serve: Any, start: Any
) -> None:
    topics = {f"{agent}{name}": kind for agent in AGENTS for name, kind in TOPICS.items()}
    process = sdk("listen", topics)
    agents = [{"number": n, "namespace": name} for n, name in enumerate(AGENTS, 1)]
    fake = FakeServer(recording, assignment(router, agents=agents))
    unit = start(serve(fake))
    lines = [json.loads(process.stdout.readline()) for _ in range(len(topics) * MESSAGES)]
    assert unit.wait() == 0
    numbers = [f"number {number}" for number in range(MESSAGES)]
    received = {topic: [text for name, text in lines if name == topic] for topic in topics}
    assert received == dict.fromkeys(topics, numbers)
    assert {agent.published for agent in fake.last.agents} == {MESSAGES * len(TOPICS)}


@pytest.mark.parametrize("with_hash", [True, False])
def test_what_it_publishes_is_recorded_as_it_is(
    router: Router, sdk: Any, recording: Path, serve: Any, start: Any, *, with_hash: bool
) -> None:
    kind = TOPICS["/chatter"]
    sdk("publish", {"/agent_7/answer": kind})
    record = {"name": "/answer", "type": kind, "type_hash": STORE.hash_rihs01(kind) * with_hash}
    fake = FakeServer(recording, assignment(router, record=[record]) | PAUSE)
    play_until_recorded(fake, start(serve(fake)), MESSAGES)
    with Reader(fake.save_recording(recording.parent / "stored")) as reader:
        stored = [(one.topic, data) for one, _, data in reader.messages()]
    assert Counter(topic for topic, _ in stored).keys() == {"/agent_7/answer"}
    assert len(stored) >= MESSAGES
    first = int(STORE.deserialize_cdr(stored[0][1], kind).data.split()[1])  # type: ignore[attr-defined]
    expected = [message(kind, first + number) for number in range(len(stored))]
    assert [data for _, data in stored] == expected
