"""Reads CDR as ROS 2 writes it, from strangers: no claim is trusted that the bytes do not support.

A length is checked against the bytes that are left before anything is made of it, and each value costs a
step of a budget, so that neither huge claims nor deep nesting take memory or time.
"""

import struct
from functools import lru_cache
from typing import Any

from rosbag2.messages.message_types import (
    ArrayType,
    FieldType,
    MessageType,
    PrimitiveType,
    StringType,
)

MAX_STEPS = 100_000
"""Values of one message that are read; those that are skipped in one go do not count."""
_HEADER = 4
_KINDS = {0: (">", 8), 1: ("<", 8), 6: (">", 4), 7: ("<", 4)}
"""Byte order and widest alignment, by the kind that the first two bytes name: CDR, and CDR2 without more."""


class CdrError(Exception):
    """Bytes that are no message of the type; the text says why."""

    code = "MESSAGE_INVALID"


class Cursor:
    """A place in a message; values are read and passed over in the order of the type."""

    __slots__ = ("data", "end", "order", "position", "steps", "widest")

    def __init__(self, data: bytes, steps: int = MAX_STEPS) -> None:
        if len(data) < _HEADER:
            raise CdrError(f"it has {len(data)} bytes, fewer than its header")
        kind = _KINDS.get(int.from_bytes(data[:2], "big"))
        if kind is None:
            raise CdrError(f"it is encoded as {data[:2].hex()}, which is not plain CDR")
        self.order, self.widest = kind
        self.data = data
        self.end = len(data)
        self.position = _HEADER
        self.steps = steps

    def number(self, field_type: PrimitiveType) -> Any:
        """The number or truth value here."""
        self.align(field_type.size)
        start = self.advance(field_type.size)
        try:
            return _unpacker(self.order + field_type.code).unpack_from(self.data, start)[0]
        except struct.error as error:
            raise CdrError("it is cut short") from error

    def numbers(self, field_type: PrimitiveType, count: int) -> tuple[Any, ...]:
        """Read `count` numbers in a row; the caller has checked that they are there."""
        self.align(field_type.size)
        start = self.advance(field_type.size * count)
        return struct.unpack_from(f"{self.order}{count}{field_type.code}", self.data, start)

    def text(self, max_bytes: int) -> tuple[str, int]:
        """The beginning of the string here, and its length in bytes."""
        length = self.length()
        start = self.advance(length)
        if length and self.data[start + length - 1] == 0:
            length -= 1
        return self.data[start : start + min(length, max_bytes)].decode("utf-8", "replace"), length

    def length(self) -> int:
        """The count in front of a string or sequence."""
        self.align(4)
        start = self.advance(4)
        return int(_unpacker(self.order + "I").unpack_from(self.data, start)[0])

    def align(self, size: int) -> None:
        """Go to the next multiple of a size, counted from behind the header."""
        width = min(size, self.widest)
        self.position += (_HEADER - self.position) % width

    def advance(self, size: int) -> int:
        """Skip bytes that must be there, and return where they begin."""
        start = self.position
        if size > self.end - start:
            raise CdrError(f"it claims {size} bytes where {max(0, self.end - start)} are left")
        self.position = start + size
        return start

    def step(self) -> None:
        """Count one value against the limit."""
        self.steps -= 1
        if self.steps < 0:
            raise CdrError(f"it holds more than {MAX_STEPS} values")

    def count_of(self, field_type: ArrayType) -> int:
        """Number of items that follow."""
        return self.length() if field_type.length is None else field_type.length

    def skip(self, field_type: FieldType) -> None:
        """Skip a value."""
        if self.widest == 8 and (sizes := extent(field_type)) is not None:  # noqa: PLR2004
            self.advance(sizes[(self.position - _HEADER) & 7])
            return
        self.step()
        match field_type:
            case PrimitiveType():
                self.align(field_type.size)
                self.advance(field_type.size)
            case StringType():
                self.advance(self.length())
            case MessageType():
                for inner in field_type.fields.values():
                    self.skip(inner)
            case ArrayType():
                self.skip_items(field_type.item, self.count_of(field_type))

    def skip_items(self, item: FieldType, count: int) -> None:
        """Skip items, numbers in one go."""
        if isinstance(item, PrimitiveType):
            if count:
                self.align(item.size)
                self.advance(item.size * count)
            return
        for _ in range(count):
            self.step()
            self.skip(item)


@lru_cache(maxsize=64)
def _unpacker(code: str) -> struct.Struct:
    return struct.Struct(code)


_MAX_UNROLLED = 64


@lru_cache(maxsize=4096)
def extent(field_type: FieldType) -> tuple[int, ...] | None:
    """Bytes that a value takes, padding in front included, by its place modulo 8; None where that varies."""
    match field_type:
        case PrimitiveType():
            return tuple(-at % field_type.size + field_type.size for at in range(8))
        case MessageType():
            return _extent_of_row(tuple(field_type.fields.values()))
        case ArrayType(item=item, length=int(length)):
            if isinstance(item, PrimitiveType):
                padded = (-at % item.size + item.size * length for at in range(8))
                return tuple(padded) if length else (0,) * 8
            return _extent_of_row((item,) * length) if length <= _MAX_UNROLLED else None
    return None


def _extent_of_row(row: tuple[FieldType, ...]) -> tuple[int, ...] | None:
    inner = [extent(field_type) for field_type in row]
    if None in inner:
        return None
    extents = []
    for at in range(8):
        place = at
        for sizes in inner:
            place += sizes[place & 7] if sizes else 0
        extents.append(place - at)
    return tuple(extents)
