"""The pages of a SQLite file, read without SQLite, for damaged databases.

Written from the description of the file format, sqlite.org/fileformat2.html. Nothing is trusted: a
pointer may lead anywhere, so each page is used once.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rosbag2.budget import MAX_MESSAGE

LEAF, INNER = 0x0D, 0x05
_HEADER = 100
_WAL_HEADER, _FRAME_HEADER = 32, 24
_WAL_MAGIC = 0x377F0682
_SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_CONSTANTS = {8: 0, 9: 1}
_BLOB = 12
_MIN_PAGE = 512
_USUAL = 4096
"""Bytes of a page as recorders write them, where the header does not say."""
_MORE = 0x80
Value = int | bytes | str | None


class PageError(ValueError):
    """A page or a row that contradicts itself."""


@dataclass(frozen=True)
class Row:
    """A row of a table: its number, and its values in the order of the columns."""

    number: int
    values: list[Value]


class Pages:
    """Pages by number, from 1; pages of the write-ahead log replace those of the file."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self.stream = stream
        self.bytes = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        header = stream.read(_HEADER)
        size = int.from_bytes(header[16:18], "big")
        self.page_bytes = 65536 if size == 1 else size
        if len(header) < _HEADER:
            raise PageError("its header is damaged")
        if self.page_bytes < _MIN_PAGE or self.page_bytes & self.page_bytes - 1:
            self.page_bytes = _USUAL
        self.usable = self.page_bytes - header[20]
        self.encoding = {2: "utf-16-le", 3: "utf-16-be"}.get(header[59], "utf-8")
        self.count = -(-self.bytes // self.page_bytes)
        self.claimed = int.from_bytes(header[28:32], "big")
        self.used: set[int] = set()
        self.marking = True
        self.wal = path
        self.frames = _frames(path, self.page_bytes)

    def page(self, number: int) -> bytes:
        """A page as it is; each is given once.

        Raises:
            PageError: it is not there, or was there before.
        """
        if not 0 < number <= self.count and number not in self.frames:
            raise PageError(f"page {number} is not there")
        if number in self.used:
            raise PageError(f"page {number} belongs to two places")
        if self.marking:
            self.used.add(number)
        return self.peek(number)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Pages that are read in the meantime are not used up."""
        self.marking = False
        try:
            yield
        finally:
            self.marking = True

    def peek(self, number: int) -> bytes:
        """A page, as often as asked.

        Raises:
            PageError: it is not there.
        """
        if number in self.frames:
            with self.wal.open("rb") as stream:
                stream.seek(self.frames[number])
                data = stream.read(self.page_bytes)
        else:
            self.stream.seek((number - 1) * self.page_bytes)
            data = self.stream.read(self.page_bytes) if number > 0 else b""
        if len(data) < self.page_bytes:
            raise PageError(f"page {number} is not there")
        return data

    def leaves(self, root: int) -> Iterator[int | None]:
        """The leaf pages of a table in its order; None for each branch that is damaged."""
        waiting = [root]
        while waiting:
            number = waiting.pop()
            try:
                page = self.page(number)
                kind = page[_start(number)]
                if kind == INNER:
                    waiting += reversed(self._children(number, page))
                    continue
                if kind != LEAF:
                    raise PageError(f"page {number} is no page of a table")
            except PageError:
                yield None
                continue
            yield number

    def _children(self, number: int, page: bytes) -> list[int]:
        start = _start(number)
        cells = int.from_bytes(page[start + 3 : start + 5], "big")
        if start + 12 + 2 * cells > self.page_bytes:
            raise PageError(f"page {number} lists more than it holds")
        places = [
            int.from_bytes(page[start + 12 + 2 * n : start + 14 + 2 * n], "big")
            for n in range(cells)
        ]
        last = int.from_bytes(page[start + 8 : start + 12], "big")
        return [int.from_bytes(page[place : place + 4], "big") for place in places] + [last]

    def rows(self, number: int) -> Iterator[Row | None]:
        """The rows of a leaf page in its order; None for each that is damaged.

        Raises:
            PageError: the page itself is damaged.
        """
        page = self.peek(number)
        start = _start(number)
        cells = int.from_bytes(page[start + 3 : start + 5], "big")
        if page[start] != LEAF or start + 8 + 2 * cells > self.page_bytes:
            raise PageError(f"page {number} is no page of rows")
        for n in range(cells):
            place = int.from_bytes(page[start + 8 + 2 * n : start + 10 + 2 * n], "big")
            try:
                yield self._row(page, place)
            except (PageError, IndexError):
                yield None

    def _row(self, page: bytes, place: int) -> Row:
        size, place = _varint(page, place)
        number, place = _varint(page, place)
        if size > MAX_MESSAGE + 1024:
            raise PageError("a row is larger than any message")
        return Row(number - 2**64 if number >= 2**63 else number, self._record(page, place, size))

    def _record(self, page: bytes, place: int, size: int) -> list[Value]:
        local = self._local(size)
        if place + local > self.usable:
            raise PageError("a row is longer than its page")
        data = page[place : place + local]
        if local < size:
            following = int.from_bytes(page[place + local : place + local + 4], "big")
            data += self._overflow(following, size - local)
        return self._values(data)

    def _local(self, size: int) -> int:
        """Bytes of a row that are on its own page."""
        max_local = self.usable - 35
        if size <= max_local:
            return size
        min_local = (self.usable - 12) * 32 // 255 - 23
        local = min_local + (size - min_local) % (self.usable - 4)
        return local if local <= max_local else min_local

    def _overflow(self, number: int, size: int) -> bytes:
        parts = []
        while size > 0:
            page = self.page(number)
            part = page[4 : min(self.usable, 4 + size)]
            number = int.from_bytes(page[:4], "big")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _values(self, data: bytes) -> list[Value]:
        end, place = _varint(data, 0)
        kinds = []
        while place < end:
            kind, place = data[place], place + 1
            if kind >= _MORE:
                kind, place = _varint(data, place - 1)
            kinds.append(kind)
        values: list[Value] = []
        for kind in kinds:
            value, place = self._value(data, place, kind)
            values.append(value)
        if place != len(data):
            raise PageError("a row has another length than its values")
        return values

    def _value(self, data: bytes, place: int, kind: int) -> tuple[Value, int]:
        if kind >= _BLOB:
            end = place + (kind - _BLOB) // 2
            part = data[place:end]
            return (part.decode(self.encoding, "replace") if kind & 1 else part), end
        if kind == 0:
            return None, place
        if kind in _CONSTANTS:
            return _CONSTANTS[kind], place
        size = _SIZES.get(kind)
        if size is None:
            raise PageError("a row holds a value of no kind that is expected")
        return int.from_bytes(data[place : place + size], "big", signed=True), place + size


def _start(number: int) -> int:
    return _HEADER if number == 1 else 0


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for n in range(8):
        byte = data[place + n]
        value = value << 7 | byte & 0x7F
        if byte < _MORE:
            return value, place + n + 1
    return value << 8 | data[place + 8], place + 9


def _frames(wal: Path, page_bytes: int) -> dict[int, int]:
    """Offsets in a write-ahead log of the last committed state of each page."""
    frames: dict[int, int] = {}
    if not wal.is_file() or wal.is_symlink():
        return frames
    with wal.open("rb") as stream:
        header = stream.read(_WAL_HEADER)
        if int.from_bytes(header[:4], "big") & ~1 != _WAL_MAGIC:
            return frames
        waiting: dict[int, int] = {}
        while len(head := stream.read(_FRAME_HEADER)) == _FRAME_HEADER:
            if head[8:16] != header[16:24]:
                break
            waiting[int.from_bytes(head[:4], "big")] = stream.tell()
            if int.from_bytes(head[4:8], "big"):
                frames |= waiting
                waiting.clear()
            stream.seek(page_bytes, os.SEEK_CUR)
    return frames
