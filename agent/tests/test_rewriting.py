"""Stamps and frame ids are changed as the library would have written the changed message."""

import dataclasses
import random
from typing import Any

import pytest
from rosbags.interfaces import Nodetype

from agent.rewriting import Changed, Rewriter
from rosbag2.formats.metadata import Topic
from rosbag2.messages.layouts import Layout
from rosbag2.messages.message_types import message_type_of
from rosbag2.messages.type_layouts import layout_of
from rosbag2.tests.messages import STORE, encoded, made

STAMP_NS = 1_800_000_000_000_000_009
FRAMES = ["", "/", "map", "/base_link", "odom/x", "lidar_front"]
PREFIXES = (b"agent_7/", b"agent_12/", b"r/")
HEADER = "std_msgs/msg/Header"


def layout_of_type(kind: str) -> Layout | None:
    return layout_of(message_type_of(Topic("/any", kind), "humble"))


KINDS = [kind for kind in STORE.fielddefs if layout_of_type(kind)]


def random_fields(chance: random.Random, kind: str) -> dict[str, Any]:
    return {name: random_value(chance, name, desc) for name, desc in STORE.fielddefs[kind][1]}


def random_value(chance: random.Random, name: str, desc: Any) -> Any:
    node, what = desc
    if node == Nodetype.NAME:
        return random_fields(chance, what)
    if node == Nodetype.BASE:
        if what[0] == "string":
            return chance.choice(FRAMES) if "frame_id" in name else "x" * chance.randrange(9)
        return chance.randrange(2)
    inner, length = what
    count = length if node == Nodetype.ARRAY else chance.randrange(4)
    return [random_value(chance, "", inner) for _ in range(count)]


def prefixed(frame: str, prefix: str) -> str:
    return prefix + frame.lstrip("/") if prefix and frame.strip("/") else frame


def change(value: Any, prefix: str, *, restamp: bool) -> None:
    """Change an object of the library."""
    if isinstance(value, list):
        for item in value:
            change(item, prefix, restamp=restamp)
    if not dataclasses.is_dataclass(value):
        return
    if value.__msgtype__ == HEADER:
        if restamp:
            value.stamp.sec, value.stamp.nanosec = divmod(STAMP_NS, 10**9)
        value.frame_id = prefixed(value.frame_id, prefix)
        return
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        change(inner, prefix, restamp=restamp)
    if hasattr(value, "child_frame_id") and hasattr(value, "header"):
        value.child_frame_id = prefixed(value.child_frame_id, prefix)


def written(changed: bytes | Changed, rewriter: Rewriter) -> list[bytes]:
    assert isinstance(changed, Changed)
    variants = dict(zip(rewriter.lengths, changed.stamped(STAMP_NS), strict=True))
    sizes = dict(zip(rewriter.lengths, changed.sizes, strict=True))
    messages = [prefix.join(variants[len(prefix)]) for prefix in rewriter.prefixes]
    assert [len(data) for data in messages] == [sizes[len(p)] for p in rewriter.prefixes]
    return messages


@pytest.mark.parametrize("kind", KINDS)
def test_messages_of_all_types_with_a_header(kind: str) -> None:
    layout = layout_of_type(kind)
    assert layout is not None
    for seed in range(8):
        chance = random.Random(seed)  # noqa: S311
        restamp, little = seed % 2 == 0, seed % 3 > 0
        prefixes = PREFIXES if seed % 4 else (b"",) * 3
        fields = random_fields(chance, kind)
        data = bytes(STORE.serialize_cdr(made(kind, fields), kind, little_endian=little))
        rewriter = Rewriter({"/x": layout}, prefixes, restamp=restamp)
        for message, prefix in zip(
            written(rewriter.change("/x", data), rewriter), prefixes, strict=True
        ):
            expected = made(kind, fields)
            change(expected, prefix.decode(), restamp=restamp)
            assert message == STORE.serialize_cdr(expected, kind, little_endian=little)


def imu(frame: str = "base_link") -> bytes:
    return encoded("sensor_msgs/msg/Imu", header={"frame_id": frame})


def imu_rewriter() -> Rewriter:
    layout = layout_of_type("sensor_msgs/msg/Imu")
    assert layout is not None
    return Rewriter({"/imu": layout}, PREFIXES, restamp=True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x01\x00\x00",
        imu()[:20],
        b"\x00\x07\x00\x00" + imu()[4:],  # CDR2
        imu()[:12] + b"\xff\xff\xff\xff" + imu()[16:],
    ],
)
def test_what_cannot_be_read_is_whole_and_counted(data: bytes) -> None:
    rewriter = imu_rewriter()
    changed = rewriter.change("/imu", data)
    assert isinstance(changed, Changed)
    assert changed.unchanged
    assert written(changed, rewriter) == [data] * 3


def test_damage_is_no_reason_to_stop() -> None:
    chance = random.Random(3)  # noqa: S311
    for kind in chance.sample(KINDS, 20):
        layout = layout_of_type(kind)
        assert layout is not None
        rewriter = Rewriter({"/x": layout}, PREFIXES, restamp=True)
        data = bytearray(encoded(kind, **random_fields(chance, kind)))
        for _ in range(200):
            data[chance.randrange(len(data))] = chance.randrange(256)
            written(rewriter.change("/x", bytes(data)), rewriter)


def test_a_topic_without_layout_stays() -> None:
    assert imu_rewriter().change("/chatter", b"\0\1\0\0") == b"\0\1\0\0"


def test_a_stamp_beyond_the_last_is_the_last() -> None:
    rewriter = imu_rewriter()
    changed = rewriter.change("/imu", imu())
    assert isinstance(changed, Changed)
    data = b"r/".join(changed.stamped(2**62)[0])
    assert STORE.deserialize_cdr(data, "sensor_msgs/msg/Imu").header.stamp.sec == 2**31 - 1


def test_bytes_behind_a_message_stay() -> None:
    rewriter = imu_rewriter()
    with_padding = written(rewriter.change("/imu", imu() + b"abc"), rewriter)
    assert with_padding == [
        data + b"abc" for data in written(rewriter.change("/imu", imu()), rewriter)
    ]


def test_a_large_message_is_held_once_for_each_length_of_prefix() -> None:
    layout = layout_of_type("sensor_msgs/msg/Image")
    assert layout is not None
    rewriter = Rewriter({"/x": layout}, PREFIXES, restamp=True)
    data = encoded("sensor_msgs/msg/Image", data=[0] * 100_000)
    changed = rewriter.change("/x", data)
    assert 3 * len(data) < len(changed) < 3 * len(data) + 3000
