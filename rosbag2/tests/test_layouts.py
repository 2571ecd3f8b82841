"""Layouts: by them alone stamps and frame ids are changed as the library would have written the message."""

import random
import struct
from typing import Any

import msgspec
import pytest
from rosbags.interfaces import Nodetype

from rosbag2.formats.metadata import Topic
from rosbag2.messages.layouts import Block, Frame, Header, Items, Layout, Text
from rosbag2.messages.message_types import TypeUnknownError, message_type_of
from rosbag2.messages.type_layouts import layout_of
from rosbag2.tests.messages import STORE, encoded

STAMP = {"sec": 7, "nanosec": 8}
PREFIX = "agent_7/"


class Rewriter:
    """The shortest program that lays a message out anew."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.out = data[4:], 0, bytearray()

    def row(self, layout: Layout) -> None:
        for step in layout:
            match step:
                case Block(align, size):
                    self.out += self.numbers(align, size)
                case Text():
                    self.text(b"")
                case Frame():
                    self.text(PREFIX.encode())
                case Header():
                    self.numbers(4, 8)
                    self.out += struct.pack("<iI", *STAMP.values())
                    self.text(PREFIX.encode())
                case Items(count, row):
                    count = self.count() if count is None else count
                    for _ in range(count):
                        self.row(row)

    def numbers(self, align: int, size: int) -> bytes:
        self.out += bytes(-len(self.out) % align)
        self.at += -self.at % align + size
        return self.data[self.at - size : self.at]

    def count(self) -> int:
        self.out += (number := self.numbers(4, 4))
        return int.from_bytes(number, "little")

    def text(self, prefix: bytes) -> None:
        length = int.from_bytes(self.numbers(4, 4), "little")
        self.out += struct.pack("<I", len(prefix) + length) + prefix
        self.at += length
        self.out += self.data[self.at - length : self.at]


def layout_of_type(name: str, definition: str = "") -> Layout | None:
    topic = Topic("/any", name, definition=definition, definition_encoding="ros2msg")
    return layout_of(message_type_of(topic, "humble"))


@pytest.mark.parametrize("kind", [name for name in STORE.fielddefs if layout_of_type(name)])
def test_a_message_changed_by_its_layout_is_as_the_library_writes_it(kind: str) -> None:
    for seed in range(5):
        before, after = _messages(random.Random(seed), kind)  # noqa: S311
        layout = msgspec.json.decode(msgspec.json.encode(layout_of_type(kind)), type=Layout)
        rewriter = Rewriter(encoded(kind, **before))
        rewriter.row(layout)
        assert bytes(rewriter.out) == encoded(kind, **after)[4:]
        assert rewriter.at == len(rewriter.data)


def test_types_without_a_header_have_no_layout() -> None:
    assert layout_of_type("std_msgs/msg/String") is None
    assert layout_of_type("rcl_interfaces/msg/Log") is None


def test_numbers_in_a_row_are_one_step() -> None:
    assert layout_of_type("sensor_msgs/msg/Imu") == (Header(), Block(8, 37 * 8))
    definition = "std_msgs/Header header\nuint8 a\nuint8[3] b\nuint16 c\nfloat64[9] d\nuint8 e\n"
    wanted = (Header(), Block(1, 4), Block(2, 2), Block(8, 73))
    assert layout_of_type("own_msgs/msg/Own", definition) == wanted


def test_a_child_frame_counts_only_beside_a_header() -> None:
    assert layout_of_type("own_msgs/msg/Own", "string child_frame_id\n") is None


def test_a_header_that_is_defined_otherwise_is_none() -> None:
    definition = (
        f"std_msgs/Header header\n{'=' * 80}\nMSG: std_msgs/Header\nuint32 seq\nstring frame_id\n"
    )
    assert layout_of_type("own_msgs/msg/Own", definition) is None


@pytest.mark.parametrize("fields", ["Inner[1000000] a\n" * 9, "string a\nInner b\n" * 40])
def test_types_that_multiply_are_refused(fields: str) -> None:
    """A type within a type within a type has more fields than anybody could hold."""
    names = ["Own", *(f"Inner{depth}" for depth in range(9)), "Last"]
    texts = [
        _numbered(fields).replace("Inner", f"own_msgs/{names[place + 1]}") for place in range(10)
    ]
    texts[0] = "std_msgs/Header header\n" + texts[0]
    texts.append("float64 x\n")
    parts = [f"MSG: own_msgs/{name}\n{text}" for name, text in zip(names, texts, strict=True)]
    definition = ("=" * 80 + "\n").join([parts[0].split("\n", 1)[1], *parts[1:]])
    with pytest.raises(TypeUnknownError):
        layout_of_type("own_msgs/msg/Own", definition)


def _numbered(fields: str) -> str:
    return "".join(f"{line}{place}\n" for place, line in enumerate(fields.splitlines()))


def _messages(chance: random.Random, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields of a random message, and of the same with other stamps and frame ids."""
    before, after = {}, {}
    table = STORE.fielddefs[kind][1]
    has_header = any(desc[1] == "std_msgs/msg/Header" for _name, desc in table)
    for name, desc in table:
        before[name], after[name] = _values(chance, desc)
        if (has_header and name == "child_frame_id") or kind == "std_msgs/msg/Header":
            after[name] = STAMP if name == "stamp" else PREFIX + before[name]
    return before, after


def _values(chance: random.Random, desc: Any) -> tuple[Any, Any]:
    node, what = desc
    if node == Nodetype.NAME:
        return _messages(chance, what)
    if node == Nodetype.BASE:
        value = "x" * chance.randrange(9) if what[0] == "string" else chance.randrange(2)
        return value, value
    inner, length = what
    count = length if node == Nodetype.ARRAY else chance.randrange(4)
    pairs = [_values(chance, inner) for _ in range(count)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
