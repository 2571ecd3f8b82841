"""Hashes of types: those that ROS 2 itself gives, from whatever definition there is."""

import pytest

from rosbag2.formats.metadata import read_metadata
from rosbag2.messages.distributions import distribution
from rosbag2.messages.layouts import Block, Header
from rosbag2.messages.message_types import TypeUnknownError
from rosbag2.messages.type_hashes import (
    facts_of,
    facts_of_distribution,
    facts_of_uploads,
    is_type_hash,
    text_of_uploads,
)
from rosbag2.reading.reader import BagReader
from rosbag2.tests.bundles import SHARED
from rosbag2.tests.messages import STORE

OF_RCLPY = {
    "std_msgs/msg/Char": "RIHS01_3ad2d04dd29ba19d04b16659afa3ccaedd691914b02a64e82e252f2fa6a586a9",
    "std_msgs/msg/Empty": "RIHS01_20b625256f32d5dbc0d04fee44f43c41e51c70d3502f84b4a08e7a9c26a96312",
    "sensor_msgs/msg/Range": "RIHS01_"
    "b42b62562e93cbfe9d42b82fe5994dfa3d63d7d5c90a317981703f7388adff3a",
    "nav_msgs/msg/Odometry": "RIHS01_"
    "3cc97dc7fb7502f8714462c526d369e35b603cfc34d946e3f2eda2766dfec6e0",
    "sensor_msgs/msg/CameraInfo": "RIHS01_"
    "b3dfd68ff46c9d56c80fd3bd4ed22c7a4ddce8c8348f2f59c299e73118e7e275",
    "rcl_interfaces/msg/ParameterEvent": "RIHS01_"
    "043e627780fcad87a22d225bc2a037361dba713fca6a6b9f4b869a5aa0393204",
    "test_msgs/msg/BasicTypes": "RIHS01_"
    "7c300afd4e796798d49bdd6cdaa0fa87fa0ed2ba3217d977e1faa87070d797ab",
}
"""As the publishers of rclpy 7.1.6 (Jazzy) announce them; 156 types were compared."""
BASIC_TYPES = """bool bool_value
byte byte_value
char char_value
float32 float32_value
float64 float64_value
int8 int8_value
uint8 uint8_value
int16 int16_value
uint16 uint16_value
int32 int32_value
uint32 uint32_value
int64 int64_value
uint64 uint64_value
"""
SEPARATOR = "=" * 80 + "\n"


@pytest.mark.parametrize("kind", [kind for kind in OF_RCLPY if not kind.startswith("test")])
def test_types_of_a_distribution_have_the_hashes_of_ros_2(kind: str) -> None:
    assert facts_of_distribution(kind, "jazzy").type_hash == OF_RCLPY[kind]


def test_a_definition_gives_the_hash_of_ros_2_whatever_its_defaults_and_comments_are() -> None:
    wanted = OF_RCLPY["test_msgs/msg/BasicTypes"]
    name, text = "test_msgs/BasicTypes", f"# All\nuint8 CONSTANT=7\n{BASIC_TYPES}"
    assert facts_of(name, text, "ros2msg", "").type_hash == wanted
    text = text.replace("uint8_value", "uint8_value 5 # five").replace("\n", "\r\n")
    assert facts_of(name, text, "ros2msg", "").type_hash == wanted
    assert facts_of_uploads(name, {"test_msgs/msg/BasicTypes": text}, "").type_hash == wanted


@pytest.mark.parametrize("kind", STORE.fielddefs)
def test_a_definition_and_a_distribution_say_the_same(kind: str) -> None:
    text, _sum = STORE.generate_msgdef(kind, ros_version=2)
    facts = facts_of_distribution(kind, "humble")
    if text:
        assert facts_of(kind, text, "ros2msg", "") == facts
        assert facts_of_uploads(kind, {kind: text}, "") == facts


def test_distributions_differ() -> None:
    kind = "sensor_msgs/msg/Range"
    assert facts_of_distribution(kind, "jazzy") != facts_of_distribution(kind, "humble")
    assert facts_of_distribution(kind, "galactic") == facts_of_distribution(kind, "humble")
    assert facts_of_distribution(kind, "nobody's") == facts_of_distribution(kind, "")


def test_a_distribution_that_is_not_named_is_that_of_its_recorder() -> None:
    assert [distribution("", version) for version in (4, 5, 7)] == ["foxy", "humble", "iron"]
    assert distribution("", 9) == distribution("", None) == ""
    assert distribution("Jazzy", 5) == "jazzy"
    assert distribution("unknown", 5) == "humble"


def test_uploads_complete_each_other_and_own_parts_come_first() -> None:
    inner, other = "float64 x\n", "float32 x\n"
    text = f"std_msgs/Header header\nInner inner\n{SEPARATOR}MSG: own_msgs/Inner\n{inner}"
    alone = facts_of_uploads("own_msgs/msg/Outer", {"own_msgs/msg/Outer": text}, "")
    assert alone.layout == (Header(), Block(8, 8))
    both = {"own_msgs/msg/Outer": text, "own_msgs/msg/Inner": other}
    assert facts_of_uploads("own_msgs/msg/Outer", both, "") == alone
    assert facts_of_uploads("own_msgs/msg/Inner", both, "").layout == ()
    apart = {"own_msgs/Outer": text.split(SEPARATOR, maxsplit=1)[0], "own_msgs/Inner": inner}
    assert facts_of_uploads("own_msgs/msg/Outer", apart, "") == alone
    whole = text_of_uploads("own_msgs/msg/Outer", apart, "")
    assert facts_of("own_msgs/msg/Outer", whole, "ros2msg", "") == alone
    assert "MSG: own_msgs/Inner" in whole
    assert "MSG: std_msgs/Header" in whole


@pytest.mark.parametrize(
    "text",
    [
        "Own own\n",
        "Other other\n",
        "wstring text\n",
        "float32 $x\n",
        "",
        "uint8[99999999999999999999999] a\n",
        "uint8 a\n" * 10**6,
        "".join(f"A{n} a\nA{n} b\nA{n} c\n{SEPARATOR}MSG: own_msgs/A{n}\n" for n in range(1000)),
    ],
    ids=["endless", "undefined", "unsupported", "unparsed", "empty", "huge", "long", "deep"],
)
def test_a_definition_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(TypeUnknownError):
        facts_of("own_msgs/msg/Own", text, "ros2msg", "")


def test_what_recorders_write_for_no_hash_is_none() -> None:
    assert is_type_hash(OF_RCLPY["std_msgs/msg/Char"])
    assert not any(map(is_type_hash, ["", "INVALID", "RIHS01_", "RIHS01_" + "g" * 64]))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared bags are not here")
def test_hashes_in_real_bags_are_those_of_the_definitions_in_them() -> None:
    compared, different = 0, set()
    for folder in SHARED.glob("ok-*"):
        distro = distribution("", read_metadata(folder).version)
        with BagReader(folder) as reader:
            for topic in reader.topics:
                if is_type_hash(topic.type_hash) and topic.definition:
                    definition = topic.definition, topic.definition_encoding
                    compared += 1
                    if facts_of(topic.type, *definition, distro).type_hash != topic.type_hash:
                        different.add(topic.type)
    # One bag was written by a library that takes `char` for another type than rosidl does.
    assert different <= {"std_msgs/msg/Char"}
    assert compared >= 50
