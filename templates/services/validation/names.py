"""Names of topics and message types."""

import re

MAX_TOPIC_LENGTH = 255
TOPIC_NAME = re.compile(r"(/[A-Za-z_][A-Za-z0-9_]*)+")
TYPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(/(msg|srv|action))?/[A-Za-z][A-Za-z0-9_]*")


def is_topic_name(name: str) -> bool:
    """Check that a name is an absolute ROS topic name."""
    return len(name) <= MAX_TOPIC_LENGTH and TOPIC_NAME.fullmatch(name) is not None


def is_type_name(name: str) -> bool:
    """Check that a name is that of a ROS message type."""
    return len(name) <= MAX_TOPIC_LENGTH and TYPE_NAME.fullmatch(name) is not None
