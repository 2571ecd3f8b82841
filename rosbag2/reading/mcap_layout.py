"""Positions of the messages in an MCAP file: one walk over its records that skips their content."""

import os
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import BinaryIO

from rosbag2.errors import BagError
from rosbag2.formats import mcap_records as records
from rosbag2.formats.mcap_records import BrokenError, Catalogue, Chunk

RUN_BYTES = 2**18
_NEVER = 2**64
_FEW = 200_000


@dataclass
class Run:
    """Messages outside of chunks that follow each other: where, and exactly when."""

    start: int
    end: int
    first_ns: int
    last_ns: int


@dataclass
class Layout:
    """The pieces of a file in its order."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    pieces: list[Chunk | Run] = field(default_factory=list)
    indexed: set[int] = field(default_factory=set)
    """Channels that the indexes of messages name."""
    every_chunk_indexed: bool = True
    starts: list[int] = field(default_factory=list)
    """Offsets of the files that were joined into this one; most are one alone."""
    summaries: int = 0
    unread: int = 0
    """Bytes behind the end of a file that are no other file."""

    @property
    def chunks(self) -> list[Chunk]:
        """The chunks alone."""
        return [piece for piece in self.pieces if isinstance(piece, Chunk)]

    def base(self, piece: Chunk | Run) -> int:
        """The base of the numbers of channels in a piece."""
        place = piece.offset if isinstance(piece, Chunk) else piece.start
        return (bisect_right(self.starts, place) - 1) * records.SECTION


def read_layout(name: str, stream: BinaryIO) -> Layout:
    """Walk over the records of a file.

    Raises:
        BagError: FILE_UNFINISHED, FILE_IMPLAUSIBLE, FILE_REFUSED.
        BrokenError: a record contradicts itself or its file.
    """
    walker = _Walker(name, stream)
    walker.walk()
    return walker.layout


class _Walker:
    def __init__(self, name: str, stream: BinaryIO) -> None:
        self.name = name
        self.stream = stream
        self.size = stream.seek(0, os.SEEK_END)
        self.layout = Layout()
        self.others = 0
        self.chunk_has_index = True
        self.finished = self.data_ended = False

    @property
    def base(self) -> int:
        """The base of the numbers of this section."""
        return (len(self.layout.starts) - 1) * records.SECTION

    def walk(self) -> None:
        if self.size == len(records.MAGIC):
            raise self.unfinished("it holds nothing")
        start = 0
        while start < self.size:
            end = self.section(start)
            start = records.next_file(self.stream, end)
            self.layout.unread += start - end

    def section(self, start: int) -> int:
        """Walk over one of the joined files, and return where it ends."""
        self.layout.starts.append(start)
        self.finished, self.data_ended, self.chunk_has_index = False, False, True
        self.stream.seek(start)
        place = start + len(self.stream.read(len(records.MAGIC)))
        while not self.finished:
            place = self.step(place)
        if not self.chunk_has_index:
            self.layout.every_chunk_indexed = False
        if self.stream.read(8) != records.MAGIC:
            raise self.unfinished("it has no end")
        return place + len(records.MAGIC)

    def step(self, place: int) -> int:
        """Take the record at a place, or a run of messages, and return where they end."""
        head = self.stream.read(records.HEAD.size)
        if len(head) < records.HEAD.size:
            raise self.unfinished("it has no footer")
        opcode, length = head[0], int.from_bytes(head[1:], "little")
        if opcode == 0 or (self.data_ended and opcode in records.DATA):
            raise BrokenError(f"no record begins at byte {place}")
        end = place + records.HEAD.size + length
        if end > self.size:
            raise self.unfinished(f"a record of {length} bytes begins at byte {place}")
        if opcode == records.MESSAGE:
            end = self.messages(place)
        else:
            self.record(opcode, place, length)
        if self.stream.tell() != end:
            self.stream.seek(end)
        return end

    def record(self, opcode: int, place: int, length: int) -> None:
        layout = self.layout
        if opcode == records.CHUNK:
            self.chunk(place, length)
            return
        content = place + records.HEAD.size
        if not records.fits(self.stream, opcode, content, length):
            raise BrokenError(f"no record begins at byte {place}")
        self.stream.seek(content)
        if opcode in records.NOTED:
            layout.catalogue.take(opcode, self.read(opcode, length), self.base)
        elif opcode == records.FOOTER:
            self.finished = True
            layout.summaries += int.from_bytes(self.stream.read(8), "little") > 0
        elif opcode == records.DATA_END:
            self.data_ended = True
        elif opcode == records.MESSAGE_INDEX:
            layout.indexed.add(self.base + int.from_bytes(self.stream.read(2), "little"))
            self.chunk_has_index = True
        self.count_other()

    def chunk(self, place: int, length: int) -> None:
        chunk = records.read_chunk_head(self.stream, place, length)
        if not self.chunk_has_index:
            self.layout.every_chunk_indexed = False
        self.chunk_has_index = not chunk.size
        self.layout.pieces.append(chunk)

    def messages(self, place: int) -> int:
        """Take a run of messages as far as one block goes, and return where they end."""
        self.stream.seek(place)
        block = self.stream.read(RUN_BYTES)
        at, limit = 0, len(block) - records.MESSAGE_HEAD.size
        first, last = _NEVER, 0
        base = self.base
        while at <= limit:
            opcode, length, channel, time = records.MESSAGE_HEAD.unpack_from(block, at)
            if opcode != records.MESSAGE:
                break
            if length < records.MESSAGE_FIELDS:
                raise BrokenError(f"the message at byte {place + at} is too short")
            end = at + records.HEAD.size + length
            if place + end > self.size:
                raise self.unfinished(f"a message is cut off at byte {place + at}")
            at = end
            first = min(time, first)
            last = max(time, last)
            self.layout.indexed.add(base + channel)
        self.layout.pieces.append(Run(place, place + at, first, last))
        return place + at

    def read(self, opcode: int, length: int) -> bytes:
        if length > records.max_record_bytes(opcode):
            raise BagError(
                "FILE_IMPLAUSIBLE",
                file=self.name,
                reason=f"a record of {length} bytes, kind {opcode}",
            )
        return self.stream.read(length)

    def count_other(self) -> None:
        """A file full of empty records would take for ever and hold nothing."""
        self.others += 1
        if self.others > _FEW + self.size // 500:
            raise BagError(
                "FILE_REFUSED", file=self.name, reason="more records than a recording has"
            )

    def unfinished(self, reason: str) -> BagError:
        return BagError("FILE_UNFINISHED", file=self.name, reason=reason)
