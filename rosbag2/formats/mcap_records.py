"""MCAP's records, read with bounds: lengths are checked against the file before anything is read.

The `mcap` package reads as many bytes as a record claims; files from strangers need bounds.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from rosbag2.budget import MAX_MESSAGE
from rosbag2.formats import signatures

MAGIC = signatures.MCAP
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX = range(1, 8)
STATISTICS, METADATA, DATA_END = 0x0B, 0x0C, 0x0F
HEAD = struct.Struct("<BQ")
# A message with its head: channel, (sequence), log time, (publish time).
MESSAGE_HEAD = struct.Struct("<BQH4xQ8x")
MESSAGE_FIELDS = MESSAGE_HEAD.size - HEAD.size
_CHUNK = struct.Struct("<QQQIi")
START = MAGIC + HEADER.to_bytes(1, "little")
"""The beginning of a file: its magic, and the opcode of its first record."""
_BLOCK = 2**20
_MAX_TEXT = 16 * 2**20
_MAX_NAME = 32
DATA = frozenset({MESSAGE, CHUNK})
"""Records that stand before the end of the data only."""
COMPRESSIONS = frozenset({"", "lz4", "zstd"})
PRIVATE = 0x80
"""Kinds from here on are for others' records."""


class BrokenError(ValueError):
    """A record that contradicts itself or its file; the text says how."""


@dataclass(frozen=True)
class Schema:
    """A type and its definition."""

    name: str
    encoding: str
    text: str


@dataclass(frozen=True)
class Channel:
    """A topic; `schema_id` 0 is none."""

    schema_id: int
    topic: str
    encoding: str
    qos: str
    type_hash: str


@dataclass(frozen=True)
class Chunk:
    """A chunk by its head; `start` is where its records begin in the file, times are its claim."""

    offset: int
    start: int
    stored: int
    first_ns: int
    last_ns: int
    size: int
    crc: int
    compression: str


class Fields:
    """Reads the fields of a record from front to back."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, count: int) -> bytes:
        """Take `count` bytes."""
        end = self.place + count
        if end > len(self.data):
            raise BrokenError("a field is longer than its record")
        part = self.data[self.place : end]
        self.place = end
        return part

    def number(self, width: int) -> int:
        """An unsigned number of `width` bytes."""
        return int.from_bytes(self.take(width), "little")

    def text(self) -> str:
        """A text with its length in front."""
        return self.take(self.number(4)).decode("utf-8", "replace")

    def mapping(self) -> dict[str, str]:
        """Pairs of texts."""
        inner = Fields(self.take(self.number(4)))
        pairs: dict[str, str] = {}
        while inner.place < len(inner.data):
            key = inner.text()
            pairs[key] = inner.text()
        return pairs


SECTION = 2**16
"""Distance between the numbers of files that were joined into one: each counts its own from 0 to 65,535."""


class Catalogue:
    """The schemas and channels of a file, its ROS distribution and its promised numbers of messages.

    A file may be several that were joined, each a section: `base` is added to the numbers in it.
    """

    def __init__(self) -> None:
        self.schemas: dict[int, Schema] = {}
        self.channels: dict[int, Channel] = {}
        self.ros_distro = ""
        self.promised: dict[int, int] = {}

    def take(self, opcode: int, data: bytes, base: int) -> None:
        """Note a schema, channel, metadata or statistics record; the first of a number counts.

        Raises:
            BrokenError: it contradicts itself.
        """
        fields = Fields(data)
        if opcode == SCHEMA:
            number = base + fields.number(2)
            name, encoding = fields.text(), fields.text()
            text = fields.take(fields.number(4)).decode("utf-8", "replace")
            schema = self.schemas.setdefault(number, Schema(name, encoding, text))
            _require_same(schema.name, name)
        elif opcode == CHANNEL:
            self._channel(fields, base)
        elif opcode == METADATA:
            if fields.text() == "rosbag2":
                self.ros_distro = fields.mapping().get("ROS_DISTRO", "") or self.ros_distro
        elif opcode == STATISTICS:
            self.promised[base] = fields.number(8)

    def _channel(self, fields: Fields, base: int) -> None:
        number, schema_id = base + fields.number(2), fields.number(2)
        schema_id = base + schema_id if schema_id else 0
        topic, encoding = fields.text(), fields.text()
        facts = fields.mapping()
        qos, type_hash = facts.get("offered_qos_profiles", ""), facts.get("topic_type_hash", "")
        channel = Channel(schema_id, topic, encoding, qos, type_hash)
        first = self.channels.setdefault(number, channel)
        _require_same((first.schema_id, first.topic, first.encoding), (schema_id, topic, encoding))


def _require_same(first: object, copy: object) -> None:
    """Refuse copies that differ: one of them is damaged."""
    if first != copy:
        raise BrokenError("a topic is written in two ways")


_LISTED = "listed"
_SHAPES: dict[int, tuple[int | str, ...]] = {
    HEADER: (_LISTED, _LISTED),
    FOOTER: (20,),
    SCHEMA: (2, _LISTED, _LISTED, _LISTED),
    CHANNEL: (4, _LISTED, _LISTED, _LISTED),
    MESSAGE_INDEX: (2, _LISTED),
    0x08: (32, _LISTED, 8, _LISTED, 16),
    0x09: (16, _LISTED, _LISTED, "data", 4),
    0x0A: (40, _LISTED, _LISTED),
    STATISTICS: (42, _LISTED),
    METADATA: (_LISTED, _LISTED),
    0x0D: (16, _LISTED),
    0x0E: (17,),
    DATA_END: (4,),
}
"""Bytes of the fields of records by their kind; texts and lists have their length in front."""

NOTED = frozenset({SCHEMA, CHANNEL, METADATA, STATISTICS})


def max_record_bytes(opcode: int) -> int:
    """Largest record of a kind, in bytes, that is read into memory."""
    return MAX_MESSAGE + MESSAGE_FIELDS if opcode == MESSAGE else _MAX_TEXT


def next_file(stream: BinaryIO, place: int) -> int:
    """The offset of the next of joined files, from a place on; the end of the stream if there is none."""
    size = stream.seek(0, os.SEEK_END)
    while place < size:
        stream.seek(place)
        block = stream.read(_BLOCK + len(START))
        if (found := block.find(START)) >= 0:
            return place + found
        place += _BLOCK
    return size


def fits(stream: BinaryIO, opcode: int, place: int, length: int) -> bool:
    """Return whether the fields of the record whose content is at a place fill its length."""
    shape = _SHAPES.get(opcode)
    if shape is None:
        chunk = filling_chunk(stream, place - HEAD.size, length)
        if opcode == CHUNK:
            return chunk is not None
        # One with the fields of a chunk is a chunk whose kind is damaged.
        return opcode >= PRIVATE and (chunk is None or chunk.compression not in COMPRESSIONS)
    end = 0
    for part in shape:
        if isinstance(part, int):
            end += part
            continue
        width = 4 if part == _LISTED else 8
        stream.seek(place + end)
        end += width + int.from_bytes(stream.read(width), "little")
        if end > length:
            return False
    return end == length


def filling_chunk(stream: BinaryIO, offset: int, length: int) -> Chunk | None:
    """The chunk whose fields fill the record at `offset`, None where they do not."""
    with suppress(BrokenError):
        chunk = read_chunk_head(stream, offset, length)
        if chunk.start + chunk.stored == offset + HEAD.size + length:
            return chunk
    return None


def read_chunk_head(stream: BinaryIO, offset: int, length: int) -> Chunk:
    """The head of the chunk record at `offset`, whose content has that length.

    Raises:
        BrokenError: it contradicts itself.
    """
    stream.seek(offset + HEAD.size)
    data = stream.read(min(length, _CHUNK.size + _MAX_NAME + 8))
    if len(data) < _CHUNK.size + 8:
        raise BrokenError("a chunk is shorter than its head")
    first, last, size, crc, width = _CHUNK.unpack_from(data)
    if not 0 <= width <= _MAX_NAME:
        raise BrokenError("the compression of a chunk has no name")
    fields = Fields(data)
    fields.take(_CHUNK.size)
    compression = fields.take(width).decode("utf-8", "replace")
    stored = fields.number(8)
    start = offset + HEAD.size + fields.place
    if start + stored > offset + HEAD.size + length:
        raise BrokenError("a chunk is longer than its record")
    return Chunk(offset, start, stored, first, last, size, crc, compression)


def plain_chunk(start: int, end: int) -> Chunk:
    """Records outside of chunks, as a chunk."""
    return Chunk(start, start, end - start, 0, 0, end - start, 0, "")


def walk(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The records of a chunk as opcode, start and end of the content.

    Raises:
        BrokenError: a record is longer than what is left.
    """
    place, end = 0, len(data)
    while place < end:
        if place + HEAD.size > end:
            raise BrokenError("a chunk ends within a record")
        opcode, length = HEAD.unpack_from(data, place)
        start = place + HEAD.size
        place = start + length
        if place > end:
            raise BrokenError("a record is longer than its chunk")
        yield opcode, start, place
