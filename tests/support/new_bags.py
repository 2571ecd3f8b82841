"""Bags of one topic whose content nobody has stored yet; needs no Django."""

import secrets
from pathlib import Path
from shutil import rmtree

from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter

TOPIC = {"name": "/odom", "type": "nav_msgs/msg/Odometry"}
HZ = 10


def write_bag(folder: Path, messages: int, size: int) -> None:
    """Write messages of `size` random bytes, ten a second."""
    rmtree(folder, ignore_errors=True)
    with BagWriter(folder) as writer:
        odom = writer.add_topic(Topic(TOPIC["name"], TOPIC["type"]))
        for number in range(messages):
            content = b"\0\1\0\0" + secrets.token_bytes(size)
            writer.write(odom, 10**9 + number * 10**9 // HZ, content)
