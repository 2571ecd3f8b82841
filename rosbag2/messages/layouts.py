"""Layouts: places of frame ids and stamps in the CDR bytes of a message type, as a value for JSON.

A layout is a row of steps in the order of the bytes, with nested messages written out in place. It holds for
plain CDR (the first two bytes of a message are 0000 or 0001); all alignments count from behind those four
bytes of encapsulation. As JSON a step is a list that begins with its tag:

| step | bytes |
| --- | --- |
| `["block", align, size]` | padding to a multiple of `align` (1, 2, 4 or 8), then `size` bytes of numbers |
| `["text"]` | a string: padding to a multiple of 4, a uint32 length, then so many bytes, the last is zero |
| `["header"]` | a std_msgs/msg/Header: `["block", 4, 8]` (int32 s, uint32 ns), then `["frame"]` |
| `["frame"]` | a string as `["text"]`, which is a frame id |
| `["items", count, row]` | an array: `count` times the row; for null a sequence, its uint32 length in front |

A block has no padding that depends on the place of its beginning, so that a message whose strings have
grown is laid out anew by copying block for block, each with the padding that its new place needs; where the
growth so far is a multiple of 8, the rest is copied at once. Items of one block, of equal distance, are
passed over at once: `Block.extent(count)`. A sequence of no items has no padding behind its length.
"""

import msgspec


class _Step(msgspec.Struct, frozen=True, array_like=True):
    """Base of the steps: they are lists in JSON."""


class Block(_Step, frozen=True, tag="block"):
    """Numbers of fixed size."""

    align: int
    size: int

    def extent(self, count: int) -> int:
        """Bytes that `count` such blocks in a row take from the beginning of the first."""
        distance = self.size + -self.size % self.align
        return distance * (count - 1) + self.size if count else 0


class Text(_Step, frozen=True, tag="text"):
    """A string that stays as it is."""


class Header(_Step, frozen=True, tag="header"):
    """A stamp, then a frame id."""


class Frame(_Step, frozen=True, tag="frame"):
    """A frame id that stands beside a header."""


class Items(_Step, frozen=True, tag="items"):
    """An array of `count` items, or a sequence where that is null."""

    count: int | None
    row: "tuple[Step, ...]"


Step = Block | Text | Header | Frame | Items
Layout = tuple[Step, ...]
