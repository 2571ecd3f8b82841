"""A bag of five topics, and plain ROS 2 nodes in processes of their own that hear it played."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
from rclpy.serialization import serialize_message
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import Imu
from std_msgs.msg import String

from agent.tests.server import FakeServer
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from tests.support.ros2 import Listener, a_domain, link

AGENTS = 5
MESSAGES = 20
STEP_NS = 10_000_000
HASHES = {
    name: get_typestore(Stores.ROS2_JAZZY).hash_rihs01(name)
    for name in (
        "nav_msgs/msg/Odometry",
        "sensor_msgs/msg/Imu",
        "std_msgs/msg/String",
        "tf2_msgs/msg/TFMessage",
    )
} | {"custom_msgs/msg/Thing": f"RIHS01_{'5a' * 32}"}
TYPES = dict(zip(("/odom", "/imu", "/map", "/tf", "/thing"), HASHES, strict=True))
QOS: dict[str, dict[str, Any]] = {
    "/odom": {"depth": 100},
    "/imu": {"reliability": "best_effort"},
    "/map": {"durability": "transient_local", "depth": 1},
    "/tf": {"depth": 100},
    "/thing": {"history": "keep_all"},
}
NUMBERS = range(1, AGENTS + 1)
Sent = dict[str, list[bytes]]


def serialized(topic: str, number: int) -> bytes:
    """Return a message with a number in it; of types without a package by hand."""
    match topic:
        case "/odom" | "/imu":
            stamped = Odometry() if topic == "/odom" else Imu()
            stamped.header.frame_id = f"frame {number}"
            return bytes(serialize_message(stamped))
        case "/map":
            return bytes(serialize_message(String(data=f"map {number:03}")))
        case "/tf":
            transform = bytes(serialize_message(TransformStamped(child_frame_id=f"{number}")))
            return transform[:4] + (1).to_bytes(4, "little") + transform[4:]
    return b"\x00\x01\x00\x00" + number.to_bytes(4, "little") * 10


@pytest.fixture
def sent(tmp_path: Path) -> Sent:
    """A bag of five topics with QoS of each kind; the messages by topic."""
    messages: Sent = defaultdict(list)
    with BagWriter(tmp_path / "bag") as writer:
        ids = {name: writer.add_topic(Topic(name, TYPES[name])) for name in TYPES}
        for number in range(MESSAGES * len(TYPES)):
            name = list(TYPES)[number % len(TYPES)]
            messages[name].append(serialized(name, number))
            writer.write(ids[name], 10**9 + number * STEP_NS, messages[name][-1])
    return messages


@pytest.fixture
def domain() -> Iterator[int]:
    with a_domain() as domain:
        yield domain


@pytest.fixture
def listen(domain: int) -> Iterator[Callable[..., Listener]]:
    """Factory of listeners in the domain of the test."""
    listeners: list[Listener] = []

    def begin(*topics: dict[str, Any], **more: Any) -> Listener:
        listeners.append(Listener(domain, topics, **more))
        return listeners[-1]

    yield begin
    for listener in listeners:
        listener.close()


def played(*names: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "type": TYPES[name], "type_hash": HASHES[TYPES[name]], "qos": QOS[name]}
        for name in names
    ]


def subscription(name: str, agent: int, **more: Any) -> dict[str, Any]:
    kind = TYPES[name]
    return {"name": f"/agent_{agent}{name}", "type": kind, "hash": HASHES[kind], **more}


@pytest.fixture
def play(tmp_path, sent, domain, serve, start):
    """Start a unit that plays some topics as five agents, and return its server and the unit."""

    def begin(*names: str, hold: bool = False, **more: Any) -> tuple[FakeServer, Any]:
        agents = [{"number": number, "namespace": f"/agent_{number}"} for number in NUMBERS]
        plan = {"agents": agents, "link": link(domain), "topics": played(*names), **more}
        # A publisher may learn of a subscription after the subscription has learned of it.
        fake = FakeServer(tmp_path / "bag", plan, lead_seconds=2 if hold else 0.3, hold=hold)
        return fake, start(serve(fake))

    return begin


def hashes(messages: list[bytes]) -> list[str]:
    return [hashlib.sha256(data).hexdigest() for data in messages]
