"""Messages cut into pieces, between which stamps and prefixes of frame ids are put at publication."""

import struct
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

from rosbag2.formats.stored_message import HEADER_BYTES
from rosbag2.messages.layouts import Block, Frame, Header, Items, Layout, Step, Text

BIG_ENDIAN, LITTLE_ENDIAN = b"\x00\x00", b"\x00\x01"
PLAIN_CDR = {BIG_ENDIAN: ">", LITTLE_ENDIAN: "<"}
STAMP_BYTES = 8
MAX_ITEMS = 100_000
"""Items of arrays in one message that are walked through one by one."""

Piece = tuple[bytes, ...]
"""Bytes between which the stamp goes."""
Pieces = tuple[Piece, ...]
"""A message: the prefix goes between its pieces."""


class CutError(Exception):
    """The bytes are no plain CDR message of the layout."""


class Plan(NamedTuple):
    """A layout, prepared: after `last` nothing is changed, so that what follows may only move."""

    steps: Layout
    last: int
    """Index of the last step with a header or frame id; -1: none."""
    alignments: tuple[int, ...]
    """Of each step, the widest alignment behind it."""


def plan_of(layout: Layout) -> Plan:
    """Prepare a layout."""
    last = max((index for index, step in enumerate(layout) if _is_changed(step)), default=-1)
    widest = list(accumulate((_alignment(step) for step in reversed(layout)), max, initial=1))
    return Plan(layout, last, tuple(reversed(widest[:-1])))


def _is_changed(step: Step) -> bool:
    if isinstance(step, Items):
        return any(_is_changed(inner) for inner in step.row)
    return isinstance(step, Header | Frame)


def _alignment(step: Step) -> int:
    """Widest alignment within a step; that of a length or a stamp is 4."""
    match step:
        case Block():
            return step.align
        case Items():
            return max([_alignment(inner) for inner in step.row] + [4 * (step.count is None)])
    return 4


def cut(data: bytes, plan: Plan, prefix_length: int, *, restamp: bool) -> Pieces:
    """Cut a message where stamps (if `restamp`) and prefixes (of a length, 0: none) go.

    Alignment in CDR depends on the place, so that what follows a longer frame id is laid out anew.

    Raises:
        CutError: It is no plain CDR message of the layout.
    """
    order = PLAIN_CDR.get(data[:2])
    if order is None or len(data) < HEADER_BYTES:
        raise CutError
    cutter = _Cutter(data, order, prefix_length, restamp=restamp)
    cutter.walk(plan)
    return cutter.finish()


class _Cutter:
    """A place in a message, with what was cut in front of it; places count from behind the encapsulation."""

    def __init__(self, data: bytes, order: str, prefix_length: int, *, restamp: bool) -> None:
        self._data = data
        self._end = len(data) - HEADER_BYTES
        self._length = struct.Struct(order + "I")
        self._prefix_length = prefix_length
        self._restamp = restamp
        self._place = 0
        self._growth = 0
        """Bytes by which what was cut is longer than what was read."""
        self._run = -HEADER_BYTES
        """Begin of what is copied as it is up to the place."""
        self._copied: list[bytes] = []
        self._piece: list[bytes] = []
        self._pieces: list[Piece] = []
        self._items = MAX_ITEMS

    def walk(self, plan: Plan) -> None:
        """Walk through a message; the rest is copied as soon as nothing in it changes or moves."""
        for step in plan.steps[: plan.last + 1]:
            _STEPS[type(step)](self, step)
        for index in range(plan.last + 1, len(plan.steps)):
            if self._growth % plan.alignments[index - 1] == 0:
                return
            step = plan.steps[index]
            _STEPS[type(step)](self, step)

    def finish(self) -> Pieces:
        """Return the pieces, with the rest of the message in the last one."""
        self._place = self._end
        self._end_piece()
        return tuple(self._pieces)

    def block(self, step: Block) -> None:
        """Pass over numbers."""
        self._align(step.align)
        self._advance(step.size)

    def text(self, _: Text) -> None:
        """Pass over a string."""
        self._advance(self._count())

    def header(self, step: Header) -> None:
        """Cut out the stamp, then the frame id."""
        self._align(4)
        if self._restamp:
            self._copy_run()
            self._end_stamped()
        self._advance(STAMP_BYTES)
        if self._restamp:
            self._run = self._place
        self.frame(step)

    def frame(self, _: Header | Frame) -> None:
        """Cut in front of a frame id; one that is empty stays so, and a leading slash goes."""
        length = self._count()
        begin = self._place
        self._advance(length)
        name = self._data[begin + HEADER_BYTES : self._place + HEADER_BYTES]
        kept = name.lstrip(b"/")
        if not self._prefix_length or not kept.rstrip(b"\0"):
            return
        dropped = length - len(kept)
        after, self._place = self._place, begin - 4
        self._copy_run()
        self._copied.append(self._length.pack(self._prefix_length + len(kept)))
        self._end_piece()
        self._run, self._place = begin + dropped, after
        self._growth += self._prefix_length - dropped

    def items(self, step: Items) -> None:
        """Pass over or walk through the items of an array."""
        count = self._count() if step.count is None else step.count
        if not count:
            return
        match step.row:
            case (Block() as block,):
                self._align(block.align)
                self._advance(block.extent(count))
                return
        self._items -= count
        if self._items < 0:
            raise CutError
        for _ in range(count):
            for inner in step.row:
                _STEPS[type(inner)](self, inner)

    def _align(self, width: int) -> None:
        """Pass over padding; where the place has moved, by as much as it needs now."""
        padding = -self._place % width
        needed = -(self._place + self._growth) % width
        if needed != padding:
            self._copy_run()
            self._copied.append(bytes(needed))
            self._growth += needed - padding
            self._run = self._place + padding
        self._place += padding

    def _count(self) -> int:
        """Read the length of a string or sequence."""
        self._align(4)
        self._advance(4)
        # The encapsulation makes up for the four bytes of the length.
        return int(self._length.unpack_from(self._data, self._place)[0])

    def _advance(self, size: int) -> None:
        self._place += size
        if self._place > self._end:
            raise CutError

    def _copy_run(self) -> None:
        if self._place > self._run:
            begin, end = self._run + HEADER_BYTES, self._place + HEADER_BYTES
            self._copied.append(self._data[begin:end])
            self._run = self._place

    def _end_stamped(self) -> None:
        self._piece.append(b"".join(self._copied))
        self._copied.clear()

    def _end_piece(self) -> None:
        self._copy_run()
        self._end_stamped()
        self._pieces.append(tuple(self._piece))
        self._piece.clear()


_STEPS: dict[type[Step], Callable[[_Cutter, Step], None]] = {
    Block: _Cutter.block,  # type: ignore[dict-item]
    Text: _Cutter.text,  # type: ignore[dict-item]
    Header: _Cutter.header,  # type: ignore[dict-item]
    Frame: _Cutter.frame,  # type: ignore[dict-item]
    Items: _Cutter.items,  # type: ignore[dict-item]
}
