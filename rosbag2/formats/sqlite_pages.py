"""The pages of a SQLite file, read without SQLite, for damaged databases.

Written from the description of the file format, sqlite.org/fileformat2.html. Nothing is trusted: no pointer
to a page, and no list of rows where the rows themselves, which fill a page without a gap, say otherwise.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from rosbag2.budget import MAX_MESSAGE, Budget
from rosbag2.formats.sqlite_wal import read_log

_LEAF = 0x0D
_OTHERS = frozenset({0x02, 0x05, 0x0A})
"""Kinds of pages that hold no rows: of indexes, and branches."""
_LOCK = 2**30
"""Byte of the page that SQLite never uses."""
_HEADER = 100
_PAGE_SIZES = tuple(2**n for n in range(9, 17))
_USUAL = 4096
"""Bytes of a page as recorders write them, where the header does not say."""
_SIZES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
_INTEGERS = frozenset({1, 2, 3, 4, 5, 6, 8, 9})
_BLOB = 12
_MESSAGE_COLUMNS = 4
_MORE = 0x80
Value = int | bytes | str | None


class PageError(ValueError):
    """A page or a row that contradicts itself."""


@dataclass(frozen=True)
class Row:
    """A row on its page: its number, the kinds of its values, its bytes, and its place with its end."""

    number: int
    kinds: tuple[int, ...]
    size: int
    head: int
    content: int
    start: int
    end: int


_NUMBER = attrgetter("number")


class Pages:
    """Pages by number, from 1; pages of the write-ahead log replace those of the file.

    `odd` says that the file itself is damaged; `explained` counts pages that broken rows do not lead to.
    """

    def __init__(self, stream: BinaryIO, log: Path, budget: Budget) -> None:
        self.stream = stream
        self.budget = budget
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        header = stream.read(_HEADER)
        if len(header) < _HEADER:
            raise PageError("its header is damaged")
        self.page_bytes = _page_bytes(header, size)
        self.path = log
        self.log = read_log(log, self.page_bytes, budget)
        in_file = -(-size // self.page_bytes)
        self.count = max([in_file, *self.log.frames])
        claimed = int.from_bytes(header[28:32], "big")
        self.odd = bool(self.log.fault) or claimed > self.count or size % self.page_bytes > 0
        self.used = bytearray(self.count + 1)
        self.usable = self.page_bytes
        self.explained = 0
        self._take_header(header)

    def _take_header(self, header: bytes) -> None:
        """Believe what the header says where the first page agrees."""
        try:
            first = self.peek(1)
            ends = [row.end for row in self.rows(1, first) if row is not None]
        except PageError:
            first, ends = b"", []
        if ends and max(ends) == self.page_bytes - header[20]:
            self.usable = max(ends)
        plain = b"table" in first or not first
        self.encoding = (
            "utf-8" if plain else {2: "utf-16-le", 3: "utf-16-be"}.get(header[59], "utf-8")
        )
        for number in self._free(header):
            self.used[number] = True

    def _free(self, header: bytes) -> set[int]:
        """The pages that are not in use, as long as their number is the one that the header says."""
        free: set[int] = set()
        trunk, count = (int.from_bytes(header[n : n + 4], "big") for n in (32, 36))
        while 0 < trunk <= self.count and trunk not in free and len(free) < count:
            free.add(trunk)
            page = self.peek(trunk)
            leaves = min(int.from_bytes(page[4:8], "big"), self.page_bytes // 4 - 2)
            listed = (int.from_bytes(page[8 + 4 * n : 12 + 4 * n], "big") for n in range(leaves))
            free.update(number for number in listed if 0 < number <= self.count)
            trunk = int.from_bytes(page[:4], "big")
        return free if len(free) == count else set()

    def peek(self, number: int) -> bytes:
        """A page, as often as asked.

        Raises:
            PageError: it is not there.
        """
        if not 0 < number <= self.count:
            raise PageError(f"page {number} is not there")
        if number in self.log.frames:
            with self.path.open("rb") as stream:
                stream.seek(self.log.frames[number])
                data = stream.read(self.page_bytes)
        else:
            self.stream.seek((number - 1) * self.page_bytes)
            data = self.stream.read(self.page_bytes)
        if len(data) < self.page_bytes:
            raise PageError(f"page {number} is not there")
        return data

    def leaves(self) -> Iterator[tuple[int, bytes, list[Row | None]]]:
        """The pages that hold rows, and their rows by number; None for each that is damaged."""
        for number in range(1, self.count + 1):
            self.budget.advance(self.page_bytes)
            try:
                page = self.peek(number)
            except PageError:
                self.odd = True
                continue
            if not self.used[number] and page[_start(number)] not in {0, *_OTHERS}:
                rows = self.rows(number, page)
                if any(rows):
                    yield number, page, rows
                elif rows:
                    self.odd = True

    def rows(self, number: int, page: bytes) -> list[Row | None]:
        """The rows of a page by their number; None for each that is damaged, none where it holds no rows."""
        start = _start(number)
        cells = int.from_bytes(page[start + 3 : start + 5], "big")
        end = min(start + 8 + 2 * cells, len(page) - 1)
        listed = [
            int.from_bytes(page[place : place + 2], "big") for place in range(start + 8, end, 2)
        ]
        said = int.from_bytes(page[start + 5 : start + 7], "big") or len(page)
        first = min((place for place in listed if place >= end), default=said)
        for begin in sorted({said, first}):
            if begin <= first and (rows := self._filling(page, begin)):
                return [*sorted(rows, key=_NUMBER)]
        if page[start] != _LEAF:
            return []
        found = [self._row(page, place) for place in dict.fromkeys(listed)]
        return found + [None] * (cells - len(found))

    def _filling(self, page: bytes, place: int) -> list[Row]:
        """The rows that fill a page from a place to its end, none when they do not."""
        rows = []
        while place < self.usable:
            row = self._row(page, place)
            if row is None:
                return []
            rows.append(row)
            place = row.end
        return rows

    def _row(self, page: bytes, start: int) -> Row | None:
        """The row at a place, None when it contradicts itself."""
        try:
            size, place = _varint(page, start)
            number, head = _varint(page, place)
            header, place = _varint(page, head)
            content = head + header
            kinds = []
            while place < content:
                kind, place = _varint(page, place)
                kinds.append(kind)
                header += (kind - _BLOB) // 2 if kind >= _BLOB else _SIZES[kind]
        except (KeyError, IndexError):
            return None
        if header != size or place != content:
            return None
        local = self._local(size)
        end = max(head + local + (4 if local < size else 0), start + 4)
        if end > self.usable or size > MAX_MESSAGE + 1024:
            return None
        number -= 2**64 if number >= 2**63 else 0
        return Row(number, tuple(kinds), size, head, place, start, end)

    def _local(self, size: int) -> int:
        """Bytes of a row that are on its own page."""
        max_local = self.usable - 35
        if size <= max_local:
            return size
        min_local = (self.usable - 12) * 32 // 255 - 23
        local = min_local + (size - min_local) % (self.usable - 4)
        return local if local <= max_local else min_local

    def values(self, page: bytes, row: Row) -> list[Value]:
        """The values of a row.

        Raises:
            PageError: the pages on which it goes on are not there, or belong to another.
        """
        local = self._local(row.size)
        data = page[row.content : row.head + local]
        if local < row.size:
            following = int.from_bytes(page[row.head + local : row.head + local + 4], "big")
            data += self._overflow(following, row.size - local)
        values: list[Value] = []
        place = 0
        for kind in row.kinds:
            end = place + _size(kind)
            values.append(self._value(kind, data[place:end]))
            place = end
        return values

    def integer(self, page: bytes, row: Row, column: int) -> int:
        """An integer of a row that stands on its own page."""
        start = row.content + sum(map(_size, row.kinds[:column]))
        kind = row.kinds[column]
        return int(self._value(kind, page[start : start + _size(kind)]) or 0)

    def _overflow(self, number: int, size: int) -> bytes:
        parts = []
        left = -(-size // (self.usable - 4))
        try:
            while left:
                page = self._claim(number)
                number = int.from_bytes(page[:4], "big")
                parts.append(page[4 : self.usable])
                left -= 1
            if number:
                raise PageError("a row goes on behind its end")
        except PageError:
            self.explained += left
            raise
        return b"".join(parts)[:size]

    def _claim(self, number: int) -> bytes:
        page = self.peek(number)
        if self.used[number]:
            raise PageError(f"page {number} belongs to two places")
        self.used[number] = True
        return page

    def _value(self, kind: int, data: bytes) -> Value:
        if kind >= _BLOB:
            return data.decode(self.encoding, "replace") if kind & 1 else data
        if kind == 0:
            return None
        return kind - 8 if kind in {8, 9} else int.from_bytes(data, "big", signed=True)

    def is_odd(self) -> bool:
        """Return whether there is more damage than that of rows that were read.

        That is a page of no kind which nothing used; those of a broken row are explained.
        """
        lock = _LOCK // self.page_bytes + 1
        unused = (n for n in range(1, self.count + 1) if not self.used[n] and n != lock)
        return self.odd or sum(map(self._is_strange, unused)) > self.explained

    def _is_strange(self, number: int) -> bool:
        try:
            return self.peek(number)[_start(number)] not in {_LEAF, *_OTHERS}
        except PageError:
            return True


def _page_bytes(header: bytes, size: int) -> int:
    said = int.from_bytes(header[16:18], "big")
    if said in _PAGE_SIZES or said == 1:
        return 2**16 if said == 1 else said
    pages = int.from_bytes(header[28:32], "big")
    return next((each for each in _PAGE_SIZES if each * pages == size), _USUAL)


def _start(number: int) -> int:
    return _HEADER if number == 1 else 0


def _size(kind: int) -> int:
    """Bytes of a value of a kind; floating numbers are in no table that is read."""
    if kind >= _BLOB:
        return (kind - _BLOB) // 2
    if kind not in _SIZES:
        raise PageError("a row holds a value of no kind that is expected")
    return _SIZES[kind]


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = data[place]
    if value < _MORE:
        return value, place + 1
    value = 0
    for n in range(8):
        byte = data[place + n]
        value = value << 7 | byte & 0x7F
        if byte < _MORE:
            return value, place + n + 1
    return value << 8 | data[place + 8], place + 9


def is_message(row: Row) -> bool:
    """Return whether a row has the columns of a message: its number, topic, time and data."""
    if len(row.kinds) != _MESSAGE_COLUMNS:
        return False
    number, topic, time, data = row.kinds
    integers = (number or 1) in _INTEGERS and topic in _INTEGERS and time in _INTEGERS
    return integers and data >= _BLOB and not data & 1
