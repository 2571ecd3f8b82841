"""Names of topics: how they lie in a namespace, and which of them a transport carries.

The server imports this module too, so that a plan is checked by the rules that its agents follow.
"""

import re
from collections.abc import Collection, Sequence

ANY_NAME = re.compile(r".+", re.DOTALL)
ZENOH_KEY = re.compile(r"(/[^/*$?#]+)+")
"""Zenoh allows no empty chunk and none of these signs in a key; `*` and `$*` would be wildcards."""
ROS_NAME = re.compile(r"(?=.{1,140}\Z)(/[A-Za-z_][A-Za-z0-9_]*)+")
"""ROS 2 has no other names, so that nobody could subscribe to them; its 247 signs include the namespace."""

NAMES_CARRIED = {
    "null": ANY_NAME,
    "zenoh-raw": ZENOH_KEY,
    "zenoh": ROS_NAME,
    "ros2": ROS_NAME,
}
"""The names that each transport carries, with their leading slash."""

MAX_LISTED = 10


def with_slash(topic: str) -> str:
    """Return a topic name with its leading slash, which is missing in some bags."""
    return topic if topic.startswith("/") else f"/{topic}"


def full_name(namespace: str, topic: str) -> str:
    """Return the topic name on the network: `/agent_7`, `/odom` -> `/agent_7/odom`."""
    return namespace.rstrip("/") + with_slash(topic)


def carries(transport: str, topic: str) -> bool:
    """Check that a transport carries a name; one that is not known here refuses none."""
    return NAMES_CARRIED.get(transport, ANY_NAME).fullmatch(with_slash(topic)) is not None


def not_carried(transport: str, topics: Collection[str]) -> tuple[str, ...]:
    """Return the topics that a transport does not carry beside each other, in their order.

    `odom` and `/odom` would be one name on the network: there the second is carried.
    """
    names = set(topics)
    return tuple(
        topic
        for topic in topics
        if not carries(transport, topic) or (not topic.startswith("/") and f"/{topic}" in names)
    )


def listing(transport: str, topics: Sequence[str]) -> str:
    """Return the first topics that are not carried, for a sentence; `odom` as `odom (= /odom)`."""
    names = [f"{t} (= /{t})" if carries(transport, t) else t for t in topics[:MAX_LISTED]]
    return ", ".join(names + ["…"] * (len(topics) > MAX_LISTED))
