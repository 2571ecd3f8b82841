"""Single fields of messages, named by paths such as `pose.pose.position.x` or `ranges[3]`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rosbag2.messages.cdr import CdrError, Cursor
from rosbag2.messages.message_types import (
    PADDING,
    ArrayType,
    FieldType,
    MessageType,
    PrimitiveType,
    StringType,
)

MAX_PATH = 500
MAX_FIELDS = 1000
"""Fields of a type that are listed."""
_PART = re.compile(r"([A-Za-z_]\w*)((?:\[\d{1,9}\])*)")


class FieldUnknownError(Exception):
    """A path that leads to no scalar of the type; the text says where it ends."""

    code = "FIELD_UNKNOWN"


@dataclass(frozen=True)
class Scalar:
    """A field; `items` is the length of the array if the path ends in an index, None if it varies."""

    path: str
    type: str
    items: int | None = 1


def scalars(field_type: MessageType, *, texts: bool = False) -> list[Scalar]:
    """The scalar fields of a type in their order, of arrays the first item; at most MAX_FIELDS."""
    result: list[Scalar] = []
    for scalar in _scalars(field_type, "", 1):
        if texts or scalar.type != "string":
            result.append(scalar)
        if len(result) == MAX_FIELDS:
            break
    return result


def _scalars(field_type: FieldType, path: str, items: int | None) -> Iterator[Scalar]:
    match field_type:
        case PrimitiveType():
            yield Scalar(path, field_type.name, items)
        case StringType():
            yield Scalar(path, "string", items)
        case MessageType():
            for name, inner in field_type.fields.items():
                if name != PADDING:
                    yield from _scalars(inner, f"{path}.{name}" if path else name, items)
        case ArrayType() if field_type.length != 0:
            yield from _scalars(field_type.item, f"{path}[0]", field_type.length)


@dataclass
class _Node:
    """Fields to pick at a place: there (slots of the result), and further down."""

    slots: list[int] = field(default_factory=list)
    inner: dict[str | int, "_Node"] = field(default_factory=dict)
    row: list[tuple[FieldType, "_Node | None"]] = field(default_factory=list)
    last: int = -1


class Picker:
    """Picks a few fields out of messages and skips the rest.

    Raises:
        FieldUnknownError: a path leads to no scalar; its text names the path.
    """

    def __init__(self, field_type: MessageType, paths: Sequence[str]) -> None:
        self.field_type = field_type
        self.kinds: list[str] = []
        self._root = _Node()
        self._width = len(paths)
        for slot, path in enumerate(paths):
            self._add(path, slot)
        _prepare(self._root, field_type)

    def pick(self, data: bytes) -> list[Any]:
        """The fields of a message in their order; None for an item that an array does not have.

        Raises:
            CdrError: the bytes are no such message.
        """
        values: list[Any] = [None] * self._width
        if self._width:
            _walk(Cursor(data), self.field_type, self._root, values, rest=False)
        return values

    def _add(self, path: str, slot: int) -> None:
        node: _Node = self._root
        field_type: FieldType = self.field_type
        for part in _parts(path):
            field_type = _below(field_type, part, path)
            node = node.inner.setdefault(part, _Node())
        if not isinstance(field_type, PrimitiveType | StringType):
            what = "a list" if isinstance(field_type, ArrayType) else "a message"
            raise FieldUnknownError(f"{path} is {what}: name a field in it")
        node.slots.append(slot)
        self.kinds.append(field_type.name if isinstance(field_type, PrimitiveType) else "string")


def _parts(path: str) -> list[str | int]:
    result: list[str | int] = []
    for word in path[:MAX_PATH].split("."):
        match = _PART.fullmatch(word)
        if match is None or len(path) > MAX_PATH:
            raise FieldUnknownError(f"{path[:MAX_PATH]} is no path: write name.name[0].name")
        result.append(match[1])
        result += [int(digits) for digits in re.findall(r"\d+", match[2])]
    return result


def _below(field_type: FieldType, part: str | int, path: str) -> FieldType:
    if isinstance(part, str) and isinstance(field_type, MessageType) and part in field_type.fields:
        return field_type.fields[part]
    if isinstance(part, int) and isinstance(field_type, ArrayType):
        if field_type.length is None or part < field_type.length:
            return field_type.item
        raise FieldUnknownError(
            f"{path} leads behind the end: the array has {field_type.length} items"
        )
    what = f"[{part}]" if isinstance(part, int) else part
    raise FieldUnknownError(f"{path} leads nowhere: the type has no {what} there")


def _prepare(node: _Node, field_type: FieldType) -> None:
    """Prepare which fields of a message type to read, and after which to stop."""
    if isinstance(field_type, MessageType):
        names = list(field_type.fields)
        last = max((names.index(str(name)) for name in node.inner), default=-1)
        node.row = [(field_type.fields[name], node.inner.get(name)) for name in names]
        node.last = last
    for part, inner in node.inner.items():
        if isinstance(field_type, MessageType):
            _prepare(inner, field_type.fields[str(part)])
        elif isinstance(field_type, ArrayType):
            _prepare(inner, field_type.item)


def _walk(
    cursor: Cursor, field_type: FieldType, node: _Node, values: list[Any], *, rest: bool
) -> None:
    """Read the wanted parts of a value; `rest`: something behind it is wanted too."""
    match field_type:
        case PrimitiveType():
            _fill(node, values, cursor.number(field_type))
        case StringType():
            _fill(node, values, cursor.text(MAX_PATH)[0])
        case MessageType():
            for index, (inner, wanted) in enumerate(node.row):
                if index > node.last and not rest:
                    return
                if wanted is None:
                    cursor.skip(inner)
                else:
                    _walk(cursor, inner, wanted, values, rest=rest or index < node.last)
        case ArrayType():
            _walk_items(cursor, field_type, node, values, rest=rest)


def _walk_items(
    cursor: Cursor, field_type: ArrayType, node: _Node, values: list[Any], *, rest: bool
) -> None:
    count = cursor.count_of(field_type)
    wanted = sorted(index for index in node.inner if isinstance(index, int) and index < count)
    if isinstance(field_type.item, PrimitiveType) and count:
        cursor.align(field_type.item.size)
        if field_type.item.size * count > cursor.end - cursor.position:
            raise CdrError(f"it claims {count} items, more than its bytes can hold")
    at = 0
    for index in wanted:
        cursor.skip_items(field_type.item, index - at)
        more = rest or index < wanted[-1]
        _walk(cursor, field_type.item, node.inner[index], values, rest=more)
        at = index + 1
    if rest:
        cursor.skip_items(field_type.item, count - at)


def _fill(node: _Node, values: list[Any], value: Any) -> None:
    for slot in node.slots:
        values[slot] = value
