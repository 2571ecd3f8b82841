"""Single fields of messages, named by paths such as `pose.pose.position.x` or `ranges[3]`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rosbag2.messages.cdr import CdrError, Cursor
from rosbag2.messages.message_types import PADDING, Many, Primitive, Shape, Struct, Text

MAX_PATH = 500
MAX_FIELDS = 1000
"""Fields of a type that are listed."""
_PART = re.compile(r"([A-Za-z_]\w*)((?:\[\d{1,9}\])*)")


class FieldUnknownError(Exception):
    """A path that leads to no scalar of the type; the text says where it ends."""

    code = "FIELD_UNKNOWN"


@dataclass(frozen=True)
class Scalar:
    """A field; `items` tells how many there are where the path ends in an index, None: it varies."""

    path: str
    type: str
    items: int | None = 1


def scalars(shape: Struct, *, texts: bool = False) -> list[Scalar]:
    """The scalar fields of a type in their order, of arrays the first item; at most MAX_FIELDS."""
    found: list[Scalar] = []
    for scalar in _scalars(shape, "", 1):
        if texts or scalar.type != "string":
            found.append(scalar)
        if len(found) == MAX_FIELDS:
            break
    return found


def _scalars(shape: Shape, path: str, items: int | None) -> Iterator[Scalar]:
    match shape:
        case Primitive():
            yield Scalar(path, shape.name, items)
        case Text():
            yield Scalar(path, "string", items)
        case Struct():
            for name, inner in shape.fields.items():
                if name != PADDING:
                    yield from _scalars(inner, f"{path}.{name}" if path else name, items)
        case Many() if shape.length != 0:
            yield from _scalars(shape.item, f"{path}[0]", shape.length)


@dataclass
class _Node:
    """What is wanted below a place: at it (slots of the result), and further down."""

    slots: list[int] = field(default_factory=list)
    inner: dict[str | int, "_Node"] = field(default_factory=dict)
    row: list[tuple[Shape, "_Node | None"]] = field(default_factory=list)
    last: int = -1


class Picker:
    """Takes a few fields out of messages and passes the rest over.

    Raises:
        FieldUnknownError: a path leads to no scalar; its text names the path.
    """

    def __init__(self, shape: Struct, paths: Sequence[str]) -> None:
        self.shape = shape
        self.kinds: list[str] = []
        self._root = _Node()
        self._width = len(paths)
        for slot, path in enumerate(paths):
            self._add(path, slot)
        _prepare(self._root, shape)

    def pick(self, data: bytes) -> list[Any]:
        """The fields of a message in their order; None for an item that an array does not have.

        Raises:
            CdrError: the bytes are no such message.
        """
        out: list[Any] = [None] * self._width
        if self._width:
            _walk(Cursor(data), self.shape, self._root, out, rest=False)
        return out

    def _add(self, path: str, slot: int) -> None:
        node: _Node = self._root
        shape: Shape = self.shape
        for part in _parts(path):
            shape = _below(shape, part, path)
            node = node.inner.setdefault(part, _Node())
        if not isinstance(shape, Primitive | Text):
            what = "a list" if isinstance(shape, Many) else "a message"
            raise FieldUnknownError(f"{path} is {what}: name a field in it")
        node.slots.append(slot)
        self.kinds.append(shape.name if isinstance(shape, Primitive) else "string")


def _parts(path: str) -> list[str | int]:
    found: list[str | int] = []
    for word in path[:MAX_PATH].split("."):
        match = _PART.fullmatch(word)
        if match is None or len(path) > MAX_PATH:
            raise FieldUnknownError(f"{path[:MAX_PATH]} is no path: write name.name[0].name")
        found.append(match[1])
        found += [int(digits) for digits in re.findall(r"\d+", match[2])]
    return found


def _below(shape: Shape, part: str | int, path: str) -> Shape:
    if isinstance(part, str) and isinstance(shape, Struct) and part in shape.fields:
        return shape.fields[part]
    if isinstance(part, int) and isinstance(shape, Many):
        if shape.length is None or part < shape.length:
            return shape.item
        raise FieldUnknownError(f"{path} leads behind the end: the array has {shape.length} items")
    what = f"[{part}]" if isinstance(part, int) else part
    raise FieldUnknownError(f"{path} leads nowhere: the type has no {what} there")


def _prepare(node: _Node, shape: Shape) -> None:
    """Lay out which fields of a struct are wanted, and where nothing more is."""
    if isinstance(shape, Struct):
        names = list(shape.fields)
        last = max((names.index(str(name)) for name in node.inner), default=-1)
        node.row = [(shape.fields[name], node.inner.get(name)) for name in names]
        node.last = last
    for part, inner in node.inner.items():
        if isinstance(shape, Struct):
            _prepare(inner, shape.fields[str(part)])
        elif isinstance(shape, Many):
            _prepare(inner, shape.item)


def _walk(cursor: Cursor, shape: Shape, node: _Node, out: list[Any], *, rest: bool) -> None:
    """Read what is wanted of a value; `rest`: something behind it is wanted too."""
    match shape:
        case Primitive():
            _fill(node, out, cursor.number(shape))
        case Text():
            _fill(node, out, cursor.text(MAX_PATH)[0])
        case Struct():
            for index, (inner, wanted) in enumerate(node.row):
                if index > node.last and not rest:
                    return
                if wanted is None:
                    cursor.skip(inner)
                else:
                    _walk(cursor, inner, wanted, out, rest=rest or index < node.last)
        case Many():
            _walk_items(cursor, shape, node, out, rest=rest)


def _walk_items(cursor: Cursor, shape: Many, node: _Node, out: list[Any], *, rest: bool) -> None:
    count = cursor.count_of(shape)
    wanted = sorted(index for index in node.inner if isinstance(index, int) and index < count)
    if isinstance(shape.item, Primitive) and count:
        cursor.align(shape.item.size)
        if shape.item.size * count > cursor.end - cursor.position:
            raise CdrError(f"it claims {count} items, more than its bytes can hold")
    at = 0
    for index in wanted:
        cursor.skip_items(shape.item, index - at)
        more = rest or index < wanted[-1]
        _walk(cursor, shape.item, node.inner[index], out, rest=more)
        at = index + 1
    if rest:
        cursor.skip_items(shape.item, count - at)


def _fill(node: _Node, out: list[Any], value: Any) -> None:
    for slot in node.slots:
        out[slot] = value
