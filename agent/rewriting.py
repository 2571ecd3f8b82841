"""Changes of messages on the way: stamps of the time of publication, frame ids with the agent's name.

What can be done beforehand is done when a message is read from the bag; at publication its pieces are joined.
"""

import struct
from collections.abc import Callable, Mapping, Sequence

from agent.message_pieces import BIG_ENDIAN, CutError, Pieces, cut, plan_of
from agent.protocol import Assignment
from rosbag2.messages.layouts import Layout

MAX_STAMP_SECONDS = 2**31 - 1
PIECE_OVERHEAD_BYTES = 100
Pack = Callable[[int, int], bytes]
_PACK_LITTLE: Pack = struct.Struct("<iI").pack
_PACK_BIG: Pack = struct.Struct(">iI").pack


def pack_stamp(time_ns: int, pack: Pack = _PACK_LITTLE) -> bytes:
    """Serialize a builtin_interfaces/msg/Time; a later one than it can hold becomes the last."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return pack(min(seconds, MAX_STAMP_SECONDS), rest)


class Changed:
    """A message in pieces, for each length of prefix; one that could not be cut is whole."""

    __slots__ = ("pack", "sizes", "unchanged", "variants", "weight")

    def __init__(
        self, pack: Pack, variants: tuple[Pieces, ...], sizes: tuple[int, ...], *, unchanged: bool
    ) -> None:
        self.pack = pack
        self.variants = variants
        self.sizes = sizes
        """Bytes that are published, for each length of prefix."""
        self.unchanged = unchanged
        pieces = sum(len(piece) for variant in variants for piece in variant)
        self.weight = sum(sizes) + PIECE_OVERHEAD_BYTES * pieces

    def __len__(self) -> int:
        """Memory that it takes."""
        return self.weight

    def stamped(self, time_ns: int) -> list[list[bytes]]:
        """Return for each length of prefix the bytes between which the prefix goes."""
        stamp = pack_stamp(time_ns, self.pack)
        # Joining one bytes object returns it, so that most of a large message is copied only once.
        return [[stamp.join(piece) for piece in variant] for variant in self.variants]


class Rewriter:
    """The changes of a unit's messages.

    `prefixes` has one for each agent, all empty if frame ids stay; agents of as long a prefix share variants.
    """

    def __init__(
        self, layouts: Mapping[str, Layout], prefixes: Sequence[bytes], *, restamp: bool
    ) -> None:
        self.prefixes = tuple(prefixes)
        self.lengths = tuple(sorted({len(prefix) for prefix in prefixes}))
        self._restamp = restamp
        self._plans = {topic: plan_of(layout) for topic, layout in layouts.items()}

    def change(self, topic: str, data: bytes) -> bytes | Changed:
        """Prepare a message; of a topic without layout it stays as it is."""
        plan = self._plans.get(topic)
        if plan is None:
            return data
        pack = _PACK_BIG if data[:2] == BIG_ENDIAN else _PACK_LITTLE
        try:
            variants = tuple(
                cut(data, plan, length, restamp=self._restamp) for length in self.lengths
            )
        except CutError:
            whole = ((data,),)
            count = len(self.lengths)
            return Changed(pack, (whole,) * count, (len(data),) * count, unchanged=True)
        sizes = tuple(map(_size, variants, self.lengths))
        return Changed(pack, variants, sizes, unchanged=False)


def _size(variant: Pieces, prefix_length: int) -> int:
    stamps = sum(len(piece) - 1 for piece in variant)
    return (
        sum(map(len, (part for piece in variant for part in piece)))
        + 8 * stamps
        + prefix_length * (len(variant) - 1)
    )


def rewriter_of(assignment: Assignment) -> Rewriter | None:
    """Return the changes that an assignment asks for; None without any."""
    if not (assignment.restamp or assignment.prefix_frames):
        return None
    layouts = {topic.name: topic.layout for topic in assignment.topics if topic.layout is not None}
    prefixes = [
        slot.namespace.strip("/").encode() + b"/" if assignment.prefix_frames else b""
        for slot in assignment.agents
    ]
    return Rewriter(layouts, prefixes, restamp=assignment.restamp)
