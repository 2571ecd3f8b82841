"""Messages as values for JSON: bounded in size, NaN safe."""

import base64
import math
from dataclasses import dataclass
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

MAX_ITEMS = 100
"""Items of an array by default."""
MAX_TEXT = 10_000
MAX_VALUES = 20_000
"""Values of one message."""
_BYTES = {"uint8", "byte", "octet"}


@dataclass
class Allowance:
    """Items, text and values of a message that may still be converted."""

    items: int = MAX_ITEMS
    text: int = MAX_TEXT
    left: int = MAX_VALUES


def to_json(field_type: MessageType, data: bytes, items: int = MAX_ITEMS) -> dict[str, Any]:
    """A message by field; numbers that JSON does not know are the words NaN, Infinity and -Infinity.

    Of an array longer than `items` the beginning is given: `{"length": ..., "first": [...]}`, of bytes
    `{"length": ..., "base64": ...}`, of a long text `{"length": ..., "text": ...}`.

    Raises:
        CdrError: the bytes are no such message, or hold too many values.
    """
    decoded: dict[str, Any] = _value(Cursor(data), field_type, Allowance(items))
    return decoded


def json_number(value: Any) -> Any:
    """A number as JSON can represent it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _value(cursor: Cursor, field_type: FieldType, allowance: Allowance) -> Any:
    cursor.step()
    allowance.left -= 1
    if allowance.left < 0:
        raise CdrError(f"it holds more than {MAX_VALUES} values; ask for shorter arrays")
    match field_type:
        case PrimitiveType():
            return json_number(cursor.number(field_type))
        case StringType():
            return _text(cursor, allowance)
        case MessageType():
            fields = {
                name: _value(cursor, inner, allowance) for name, inner in field_type.fields.items()
            }
            fields.pop(PADDING, None)
            return fields
        case ArrayType():
            return _many(cursor, field_type, allowance)


def _text(cursor: Cursor, allowance: Allowance) -> Any:
    beginning, length = cursor.text(allowance.text)
    allowance.left -= len(beginning) // 16
    return beginning if length <= allowance.text else {"length": length, "text": beginning}


def _many(cursor: Cursor, field_type: ArrayType, allowance: Allowance) -> Any:
    count = cursor.count_of(field_type)
    count_shown = min(count, allowance.items)
    item = field_type.item
    if isinstance(item, PrimitiveType):
        return _numbers(cursor, item, count, allowance)
    first = [_value(cursor, item, allowance) for _ in range(count_shown)]
    cursor.skip_items(item, count - count_shown)
    return first if count_shown == count else {"length": count, "first": first}


def _numbers(cursor: Cursor, item: PrimitiveType, count: int, allowance: Allowance) -> Any:
    count_shown = min(count, allowance.items)
    if not count:
        return []
    cursor.align(item.size)
    if item.size * count > cursor.end - cursor.position:
        raise CdrError(f"it claims {count} items of {item.name}, more than its bytes can hold")
    allowance.left -= count_shown
    if item.name in _BYTES and count_shown < count:
        start = cursor.advance(count)
        shown = cursor.data[start : start + count_shown]
        return {"length": count, "base64": base64.b64encode(shown).decode()}
    first = [json_number(value) for value in cursor.numbers(item, count_shown)]
    cursor.skip_items(item, count - count_shown)
    return first if count_shown == count else {"length": count, "first": first}
