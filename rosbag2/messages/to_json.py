"""Messages as plain values for JSON: bounded in size, NaN safe."""

import base64
import math
from dataclasses import dataclass
from typing import Any

from rosbag2.messages.cdr import CdrError, Cursor
from rosbag2.messages.message_types import PADDING, Many, Primitive, Shape, Struct, Text

MAX_ITEMS = 100
"""Items of an array that are told where nobody asks for another number."""
MAX_TEXT = 10_000
MAX_VALUES = 20_000
"""Values of one message that are told."""
_BYTES = {"uint8", "byte", "octet"}


@dataclass
class Telling:
    """How much of a message may be told."""

    items: int = MAX_ITEMS
    text: int = MAX_TEXT
    left: int = MAX_VALUES


def plain(shape: Struct, data: bytes, items: int = MAX_ITEMS) -> dict[str, Any]:
    """A message by field; numbers that JSON does not know are the words NaN, Infinity and -Infinity.

    Of an array longer than `items` the beginning is told: `{"length": ..., "first": [...]}`, of bytes
    `{"length": ..., "base64": ...}`, of a long text `{"length": ..., "text": ...}`.

    Raises:
        CdrError: the bytes are no such message, or hold too much to be told.
    """
    found: dict[str, Any] = _value(Cursor(data), shape, Telling(items))
    return found


def number(value: Any) -> Any:
    """A number as JSON can tell it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _value(cursor: Cursor, shape: Shape, telling: Telling) -> Any:
    cursor.step()
    telling.left -= 1
    if telling.left < 0:
        raise CdrError(f"it holds more than {MAX_VALUES} values to tell; ask for shorter arrays")
    match shape:
        case Primitive():
            return number(cursor.number(shape))
        case Text():
            return _text(cursor, telling)
        case Struct():
            told = {name: _value(cursor, inner, telling) for name, inner in shape.fields.items()}
            told.pop(PADDING, None)
            return told
        case Many():
            return _many(cursor, shape, telling)


def _text(cursor: Cursor, telling: Telling) -> Any:
    beginning, length = cursor.text(telling.text)
    telling.left -= len(beginning) // 16
    return beginning if length <= telling.text else {"length": length, "text": beginning}


def _many(cursor: Cursor, shape: Many, telling: Telling) -> Any:
    count = cursor.count_of(shape)
    told = min(count, telling.items)
    item = shape.item
    if isinstance(item, Primitive):
        return _numbers(cursor, item, count, telling)
    first = [_value(cursor, item, telling) for _ in range(told)]
    cursor.skip_items(item, count - told)
    return first if told == count else {"length": count, "first": first}


def _numbers(cursor: Cursor, item: Primitive, count: int, telling: Telling) -> Any:
    told = min(count, telling.items)
    if not count:
        return []
    cursor.align(item.size)
    if item.size * count > cursor.end - cursor.position:
        raise CdrError(f"it claims {count} items of {item.name}, more than its bytes can hold")
    telling.left -= told
    if item.name in _BYTES and told < count:
        start = cursor.advance(count)
        shown = cursor.data[start : start + told]
        return {"length": count, "base64": base64.b64encode(shown).decode()}
    first = [number(value) for value in cursor.numbers(item, told)]
    cursor.skip_items(item, count - told)
    return first if told == count else {"length": count, "first": first}
