"""Message classes made at run time, and what happens where their assumptions do not hold."""

import sys

import pytest

from agent.protocol import Link, ProbeCode
from agent.session import Session
from agent.tests.ros2.conftest import HASHES
from agent.tests.server import FakeServer
from agent.transports import create
from agent.transports.base import NotInstalledError, TypeNotSupportedError
from agent.transports.null import NullTransport
from agent.transports.ros2 import message_types
from agent.transports.ros2.message_types import MessageTypes
from agent.transports.ros2.structures import FASTRTPS, handle_of, hash_of, unpack

IMU, TF = "sensor_msgs/msg/Imu", "tf2_msgs/msg/TFMessage"


def test_a_class_has_the_names_and_the_hash_of_its_type():
    types = MessageTypes()
    assert types.difference == ""
    made = types.get(TF, HASHES[TF])
    assert types.get(TF, HASHES[TF]) is made
    support = handle_of(unpack(type(made)._TYPE_SUPPORT), FASTRTPS)
    assert bytes(hash_of(support)).hex() == f"01{HASHES[TF].removeprefix('RIHS01_')}"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PACKAGES", {"ros-rclpy": "6."}, "ros-rclpy is 7.1.6, not 6.*"),
        ("PACKAGES", {"ros-nothing": "1."}, "ros-nothing is not installed"),
        ("STRING_SIZE", 32, "48 instead of 64"),
        ("PATTERN_HASH", "RIHS01_00", "instead of '0100'"),
    ],
)
def test_other_structures_leave_types_with_a_package(name, value, reason, monkeypatch):
    from sensor_msgs.msg import Imu  # noqa: PLC0415

    monkeypatch.setattr(message_types, name, value)
    types = MessageTypes()
    assert reason in types.difference
    assert types.get(IMU, "") is Imu
    with pytest.raises(TypeNotSupportedError, match=f"{TF} here.*transport zenoh") as refusal:
        types.get(TF, HASHES[TF])
    assert refusal.value.type_names == (TF,)


@pytest.mark.parametrize(
    ("name", "type_hash"),
    [("Imu", ""), ("sensor_msgs/Imu", ""), ("", ""), (IMU, "RIHS01_12"), (IMU, "RIHS02_zz")],
)
def test_what_is_no_type_is_refused(name, type_hash):
    with pytest.raises(TypeNotSupportedError):
        MessageTypes().get(name, type_hash)


def test_types_that_are_refused_are_named_together(monkeypatch, tmp_path):
    transport = NullTransport()

    def refuse(_namespace, topic):
        raise TypeNotSupportedError("ros-rclpy is 8", topic.type)

    monkeypatch.setattr(transport, "publisher", refuse)
    fake = FakeServer(
        tmp_path, {"topics": [{"name": "/a", "type": "a/B"}, {"name": "/c", "type": "c/D"}]}
    )
    (tmp_path / "file").touch()
    session = Session(None, fake.register(None), None, None)
    with pytest.raises(TypeNotSupportedError, match=r"a/B, c/D here \(ros-rclpy is 8\)"):
        session._publish(transport)


def test_without_ros_the_command_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "rclpy.context", None)
    monkeypatch.delitem(sys.modules, "agent.transports.ros2.transport", raising=False)
    with pytest.raises(
        NotInstalledError, match=r"pip install -r requirements-ros2\.txt"
    ) as refusal:
        create(Link(transport="ros2"))
    assert refusal.value.probe_code is ProbeCode.NOT_INSTALLED
