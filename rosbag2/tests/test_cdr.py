"""Decoding of messages: the same as the library for honest ones, bounded and without raising for others."""

import dataclasses
import json
import math
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from rosbag2.extraction.decoded_bag import DecodedBag
from rosbag2.formats.metadata import Topic
from rosbag2.messages.cdr import CdrError
from rosbag2.messages.fields import FieldUnknownError, Picker, scalars
from rosbag2.messages.message_types import PADDING, MessageType, TypeUnknownError, message_type_of
from rosbag2.messages.to_json import to_json
from rosbag2.tests.bundles import SHARED
from rosbag2.tests.messages import STORE, encoded

KINDS = SHARED / "ok-v5-rosbagslib-94types-sqlite"


def of_library(value: Any) -> Any:
    """A message of the library as plain values."""
    if dataclasses.is_dataclass(value):
        names = [
            item.name
            for item in dataclasses.fields(value)
            if item.name.islower() and item.name != PADDING
        ]
        return {name: of_library(getattr(value, name)) for name in names if name[:2] != "__"}
    if isinstance(value, np.ndarray):
        return of_library(value.tolist())
    if isinstance(value, list):
        return [of_library(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def own(definition: str, kind: str = "own_msgs/msg/Own") -> MessageType:
    return message_type_of(
        Topic("/own", kind, definition=definition, definition_encoding="ros2msg")
    )


@pytest.mark.skipif(not KINDS.is_dir(), reason="the shared bags are not here")
def test_all_types_of_a_real_bag_are_read_as_the_library_reads_them() -> None:
    with DecodedBag(KINDS) as source:
        seen = 0
        for _time, name, data in source.messages(None):
            topic = source.topics[name]
            store = get_typestore(Stores.EMPTY)
            store.register(get_types_from_msg(topic.definition, topic.type))
            expected = of_library(store.deserialize_cdr(data, topic.type))
            result = to_json(source.message_type(name), data, 10**6)
            assert json.dumps(result) == json.dumps(expected).replace('"nan"', '"NaN"'), name
            seen += 1
    assert seen == 188


@pytest.mark.parametrize("kind", ["nav_msgs/msg/Odometry", "sensor_msgs/msg/PointCloud2"])
@pytest.mark.parametrize("little", [True, False])
def test_both_byte_orders(kind: str, *, little: bool) -> None:
    fields = {"header": {"frame_id": "map", "stamp": {"sec": 7}}}
    message = STORE.deserialize_cdr(encoded(kind, **fields), kind)
    data = bytes(STORE.serialize_cdr(message, kind, little_endian=little))
    result = to_json(message_type_of(Topic("/x", kind)), data)
    assert result["header"] == {"stamp": {"sec": 7, "nanosec": 0}, "frame_id": "map"}


def test_old_spelling_and_embedded_definitions() -> None:
    assert message_type_of(Topic("/x", "std_msgs/String")).name == "std_msgs/msg/String"
    message_type = own(
        "float32 x\nother_msgs/Point p\n" + "=" * 80 + "\nMSG: other_msgs/Point\nint8[2] q"
    )
    data = b"\x00\x01\x00\x00" + struct.pack("<fbb", 1.5, -1, 2)
    assert to_json(message_type, data) == {"x": 1.5, "p": {"q": [-1, 2]}}


def test_definitions_in_idl() -> None:
    text = "module own_msgs { module msg { struct Own { double x; sequence<octet> y; }; }; };\n"
    topic = Topic("/x", "own_msgs/msg/Own", definition=text, definition_encoding="ros2idl")
    data = b"\x00\x01\x00\x00" + struct.pack("<dIB", 2.5, 1, 9)
    assert to_json(message_type_of(topic), data) == {"x": 2.5, "y": [9]}


def test_long_values_are_cut_with_their_length() -> None:
    message_type = own("uint8[] raw\nfloat64[] row\nstring text\nown_msgs/One[] many\n" + "=" * 80 + "\n"
                "MSG: own_msgs/One\nstring s")  # fmt: skip
    body = struct.pack("<I5s3xI", 5, b"abcde", 3)
    body += struct.pack("<3d", 1, 2, 3) + struct.pack("<I", 20_001) + b"x" * 20_000 + b"\0"
    body += b"\0" * (-len(body) % 4) + struct.pack("<I", 3) + struct.pack("<I2s2x", 2, b"a\0") * 3
    result = to_json(message_type, b"\x00\x01\x00\x00" + body, 2)
    assert result["raw"] == {"length": 5, "base64": "YWI="}
    assert result["row"] == {"length": 3, "first": [1.0, 2.0]}
    assert result["text"]["length"] == 20_000
    assert len(result["text"]["text"]) == 10_000
    assert result["many"] == {"length": 3, "first": [{"s": "a"}, {"s": "a"}]}


HUGE = b"\x00\x01\x00\x00" + struct.pack("<I", 2**32 - 1)
HOSTILE = {
    "a length beyond the data": ("float64[] x", HUGE),
    "a text beyond the data": ("string x", HUGE),
    "items that take no bytes": ("own_msgs/None[] x\n" + "=" * 80 + "\nMSG: own_msgs/None\n", HUGE),
    "texts beyond the data": ("string[] x", HUGE),
    "a fixed array beyond the data": ("float64[1000000000] x", HUGE),
    "nothing": ("int32 x", b""),
    "a header only": ("int32 x", b"\x00\x01\x00\x00"),
    "another encoding": ("int32 x", b"\x00\x03\x00\x00\x00\x00\x00\x00"),
    "more values than can be told": ("uint8[] a\nstring[] x", b"\x00\x01\x00\x00" + struct.pack(
        "<II", 0, 150_000) + bytes(600_000)),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_are_refused(name: str) -> None:
    definition, data = HOSTILE[name]
    message_type = own(definition)
    with pytest.raises(CdrError):
        to_json(message_type, data)
    with pytest.raises(CdrError):
        to_json(message_type, data, 10**6)


def test_any_bytes_are_a_value_or_an_error_of_ours() -> None:
    chance = random.Random(5)  # noqa: S311  (no secret)
    good = encoded("nav_msgs/msg/Odometry", header={"frame_id": "map"})
    message_type = message_type_of(Topic("/x", "nav_msgs/msg/Odometry"))
    picker = Picker(message_type, ["twist.covariance[35]", "child_frame_id"])
    refused = 0
    for _ in range(2000):
        data = bytearray(good[: chance.randrange(len(good) + 1)])
        for _ in range(chance.randrange(4)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        for read in (lambda raw: to_json(message_type, raw), picker.pick):
            try:
                read(bytes(data))
            except CdrError:
                refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("own_msgs/Own again", "without an end"),
        ("float32 $x", "cannot be parsed"),
        ("none_msgs/None x", "no definition of none_msgs/msg/None"),
        ("wstring x", "differently"),
        ("# " + "x" * 2**20, "longer"),
    ],
)
def test_definitions_that_cannot_be_used(definition: str, reason: str) -> None:
    with pytest.raises(TypeUnknownError, match=reason):
        own(definition)


def test_definitions_that_grow_without_bounds_are_bounded() -> None:
    parts = [f"own_msgs/N{n + 1}[10] a\nown_msgs/N{n + 1}[10] b" for n in range(30)]
    text = parts[0].replace("N1", "N1")
    for n, part in enumerate(parts[1:], 1):
        text += f"\n{'=' * 80}\nMSG: own_msgs/N{n}\n{part}"
    text += f"\n{'=' * 80}\nMSG: own_msgs/N30\nuint8 x"
    message_type = own(text)
    assert len(scalars(message_type)) == 1000
    with pytest.raises(CdrError):
        to_json(message_type, b"\x00\x01\x00\x00" + bytes(100))


def test_picked_fields_equal_those_of_the_decoded_message(tmp_path: Path) -> None:
    fields = {
        "transforms": [
            {"child_frame_id": name, "transform": {"translation": {"x": at}}}
            for at, name in enumerate(["a", "bcd", "ef"])
        ]
    }
    message_type = message_type_of(Topic("/tf", "tf2_msgs/msg/TFMessage"))
    data = encoded("tf2_msgs/msg/TFMessage", **fields)
    paths = [f"transforms[{n}].transform.translation.x" for n in (2, 0, 7)]
    picker = Picker(message_type, [*paths, "transforms[1].child_frame_id", paths[0]])
    assert picker.pick(data) == [2.0, 0.0, None, "bcd", 2.0]
    for path in ("", "transforms", "transforms[0]", "transforms.x", "a..b", "x[-1]", "x" * 600):
        with pytest.raises(FieldUnknownError):
            Picker(message_type, [path])
