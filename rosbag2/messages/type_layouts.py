"""Layouts of message types, see `layouts`."""

from rosbag2.messages.layouts import Block, Frame, Header, Items, Layout, Step, Text
from rosbag2.messages.message_types import (
    ArrayType,
    FieldType,
    MessageType,
    PrimitiveType,
    StringType,
    TypeUnknownError,
)

HEADER = "std_msgs/msg/Header"
CHILD_FRAME = "child_frame_id"
MAX_STEPS = 1000
"""Steps of a layout; of the types that ROS distributions bring, the longest has a tenth."""
MAX_SIZE = 2**31


def layout_of(message_type: MessageType) -> Layout | None:
    """The layout of a type's messages; None where they have no header.

    Raises:
        TypeUnknownError: the type is larger than any that people write.
    """
    row = _Rows().of(message_type)
    return row if _has_frame(row) else None


def _has_frame(row: Layout) -> bool:
    return any(
        isinstance(step, Header | Frame) or (isinstance(step, Items) and _has_frame(step.row))
        for step in row
    )


class _Rows:
    """Rows of types, each made once: a stranger's type may hold one a million times."""

    def __init__(self) -> None:
        self._made: dict[str, Layout] = {}

    def of(self, field_type: FieldType) -> Layout:
        match field_type:
            case PrimitiveType():
                return (Block(field_type.size, field_type.size),)
            case StringType():
                return (Text(),)
            case ArrayType():
                return _array(self.of(field_type.item), field_type.length)
            case MessageType(name=name):
                if name not in self._made:
                    self._made[name] = self._message(field_type)
                return self._made[name]

    def _message(self, message_type: MessageType) -> Layout:
        if message_type.name == HEADER and _is_stamped(message_type):
            return (Header(),)
        row: list[Step] = []
        children = {CHILD_FRAME} if _has_header(message_type) else set()
        for name, field_type in message_type.fields.items():
            is_frame = name in children and isinstance(field_type, StringType)
            for step in (Frame(),) if is_frame else self.of(field_type):
                _append(row, step)
            if len(row) > MAX_STEPS:
                break
        if _steps(row) > MAX_STEPS:
            raise TypeUnknownError(f"{message_type.name} has more parts than any type in use")
        return tuple(row)


def _is_stamped(header: MessageType) -> bool:
    """True for a header as ROS 2 defines it; a stranger's definition may say otherwise."""
    stamp, *others = header.fields.values()
    parts = list(stamp.fields.values()) if isinstance(stamp, MessageType) else []
    sizes = [part.size for part in parts if isinstance(part, PrimitiveType)]
    return sizes == [4, 4] == sizes[: len(parts)] and others == [StringType()]


def _has_header(message_type: MessageType) -> bool:
    return any(
        isinstance(field_type, MessageType) and field_type.name == HEADER
        for field_type in message_type.fields.values()
    )


def _steps(row: list[Step] | Layout) -> int:
    return sum(1 + (_steps(step.row) if isinstance(step, Items) else 0) for step in row)


def _array(row: Layout, count: int | None) -> Layout:
    if count is None:
        return (Items(None, row),)
    if not count or not row:
        return ()
    match row:
        case (Block() as block,):
            return (_bounded(Block(block.align, block.extent(count))),)
    return (Items(count, row),)


def _append(row: list[Step], step: Step) -> None:
    """Add a step, to the block before it where no padding between them depends on the place."""
    match row, step:
        case [*_, Block() as block], Block() if step.align <= block.align:
            padding = -block.size % step.align
            row[-1] = _bounded(Block(block.align, block.size + padding + step.size))
        case _:
            row.append(step)


def _bounded(block: Block) -> Block:
    if block.size > MAX_SIZE:
        raise TypeUnknownError("it has a field that is larger than any message")
    return block
