"""Names that a transport carries, as its library judges them."""

import pytest
import zenoh
from rclpy.exceptions import InvalidTopicNameException
from rclpy.validate_full_topic_name import validate_full_topic_name

from agent.topic_names import MAX_LISTED, carries, full_name, listing, not_carried
from agent.transports import TransportError
from agent.transports.zenoh.raw import key_expression

NAMES = [
    *(
        "/odom",
        "odom",
        "/a/b",
        "/imu-data",
        "/9lives",
        "/a.b",
        "/a b",
        "/~x",
        "/{x}",
        "/@x",
        "/카메라",
    ),
    *("/a//b", "//odom", "/x/", "/", "//", "/que?ry", "/a#b", "/a$b"),
    *("/*", "/**", "/a*b", "/a/*", "/a/**/b", "/a$*b", "*", "**"),
]

OTHERS = ("other", "other/than", "ab", "acb", "a/other", "a/other/b")


def is_key(expression: str) -> bool:
    """Check by Zenoh itself that an expression is valid and stands for one key only."""
    try:
        key = zenoh.KeyExpr(expression)
    except zenoh.ZError:
        return False
    return not any(key.intersects(zenoh.KeyExpr(f"agent_7/{other}")) for other in OTHERS)


@pytest.mark.parametrize("name", NAMES)
def test_zenoh_carries_what_is_one_key(name: str) -> None:
    assert carries("zenoh-raw", name) is is_key(full_name("/agent_7", name).lstrip("/"))


@pytest.mark.parametrize("name", [*NAMES, "/a__b", "/_", "/a/9", "/a\n", "/" + "a" * 139])
def test_ros_carries_what_rclpy_takes_for_a_name(name: str) -> None:
    try:
        validate_full_topic_name(full_name("/agent_7", name))
        valid = True
    except InvalidTopicNameException:
        valid = False
    assert carries("ros2", name) is carries("zenoh", name) is valid


@pytest.mark.parametrize("name", ["/**", "/a//b", "/x/"])
def test_the_transport_makes_no_other_keys(name: str) -> None:
    with pytest.raises(TransportError, match="topic /"):
        key_expression("/agent_7", name)


@pytest.mark.parametrize("transport", ["null", "zenoh-raw"])
def test_two_topics_never_become_one_name(transport: str) -> None:
    assert not_carried(transport, ["imu", "odom", "/odom"]) == ("odom",)
    carried = [name for name in NAMES if name not in not_carried(transport, NAMES)]
    assert len({full_name("/agent_7", name) for name in carried}) == len(carried)


def test_without_a_network_every_name_is_carried() -> None:
    assert not_carried("null", ["/**", "//odom", "/odom", "/x/"]) == ()


def test_a_sentence_names_the_first_topics() -> None:
    names = [f"/{number}/" for number in range(MAX_LISTED + 1)]
    assert listing("zenoh-raw", ["/0/", "odom"]) == "/0/, odom (= /odom)"
    assert listing("zenoh-raw", names) == ", ".join(names[:MAX_LISTED]) + ", …"
