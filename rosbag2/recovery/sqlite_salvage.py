"""Salvages the messages of a damaged database: from its pages, in the order of its rows."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from rosbag2.budget import Budget
from rosbag2.checks.losses import Losses, saved_message
from rosbag2.errors import BagError
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.metadata import Topic
from rosbag2.formats.sqlite_pages import LEAF, PageError, Pages, Row, Value

Saved = tuple[Topic, int, bytes]
_MESSAGES = ("id", "topic_id", "timestamp", "data")
_TOPICS = ("id", "name", "type")


class SqliteSalvage:
    """The tables of a damaged database, and the messages that are left."""

    def __init__(self, file: DataFile, stream: BinaryIO, source: Path, budget: Budget) -> None:
        self.file = file
        self.budget = budget
        self.losses = Losses(file.name)
        self.ros_distro = ""
        try:
            self.pages = Pages(stream, source.with_name(source.name + "-wal"))
            self.tables = self._tables()
        except PageError as error:
            raise self._lost(str(error)) from error
        self.topics = self._topics()
        if not self.topics:
            raise self._lost("the names of its topics are lost")

    def _lost(self, reason: str) -> BagError:
        return BagError("NOTHING_LEFT", reason=f"{self.file.name}: {reason}")

    def _tables(self) -> dict[str, tuple[int, list[str]]]:
        """Root page and columns by table."""
        tables: dict[str, tuple[int, list[str]]] = {}
        for row in self._all_rows(1):
            kind, name, _, root, sql = [*row.values, None, None, None, None, None][:5]
            if kind == "table" and isinstance(name, str) and isinstance(root, int):
                tables.setdefault(name, (root, _columns(sql)))
        for table, needed in (("topics", _TOPICS), ("messages", _MESSAGES)):
            columns = tables.get(table, (0, []))[1]
            if not set(needed) <= set(columns):
                raise PageError(f"its table {table} is lost")
        return tables

    def _all_rows(self, root: int) -> Iterator[Row]:
        for leaf in self.pages.leaves(root):
            if leaf is not None:
                with suppress(PageError):
                    yield from (row for row in self.pages.rows(leaf) if row is not None)

    def _named_rows(self, table: str) -> Iterator[dict[str, Value]]:
        root, columns = self.tables.get(table, (0, []))
        for row in self._all_rows(root) if root else ():
            yield dict(zip(columns, row.values, strict=False)) | {"id": row.number}

    def _topics(self) -> dict[int, Topic]:
        definitions = {
            _text(row.get("topic_type")): (
                _text(row.get("encoding")),
                _text(row.get("encoded_message_definition")),
            )
            for row in self._named_rows("message_definitions")
        }
        for row in self._named_rows("schema"):
            self.ros_distro = _text(row.get("ros_distro"))
        return {
            key: _topic(row, definitions)
            for row in self._named_rows("topics")
            if isinstance(key := row["id"], int) and _text(row.get("name"))
        }

    def messages(self, expected: int | None = None) -> Iterator[Saved]:
        """Yield every message that is left, and add the rest to `losses`.

        `expected` is how many the file should hold, where that is known.
        """
        root, names = self.tables["messages"]
        columns = [names.index(name) for name in _MESSAGES[1:]]
        leaves = list(self.pages.leaves(root))
        if holes := None in leaves:
            leaves = self._with_strays(leaves, columns)
        gaps = _Gaps(self.losses, holes=holes)
        saved = 0
        for leaf in leaves:
            for number, topic, time, data in self._good_rows(leaf, columns, gaps):
                if not gaps.good(number, time):
                    continue
                message = saved_message(self.losses, topic, time, data)
                if message is not None:
                    saved += 1
                    self.budget.advance(len(message) + 32)
                    yield topic, time, message
        gaps.end(expected, saved)

    def _good_rows(
        self, leaf: int | None, columns: list[int], gaps: "_Gaps"
    ) -> Iterator[tuple[int, Topic, int, bytes]]:
        if leaf is None:
            gaps.bad()
            return
        try:
            for row in self.pages.rows(leaf):
                message = self._message(row, columns)
                if message is None:
                    gaps.bad(rows=1)
                else:
                    yield message
        except PageError:
            gaps.bad()

    def _message(self, row: Row | None, columns: list[int]) -> tuple[int, Topic, int, bytes] | None:
        if row is None:
            return None
        try:
            topic_id, time, data = [row.values[place] for place in columns]
        except IndexError:
            return None
        if not isinstance(topic_id, int) or not isinstance(time, int):
            return None
        topic = self.topics.get(topic_id)
        if topic is None or not isinstance(data, bytes):
            return None
        return row.number, topic, time, data

    def _with_strays(self, leaves: list[int | None], columns: list[int]) -> list[int | None]:
        """Leaves that no branch leads to any more, put where their rows belong."""
        placed = [(self._first_number(leaf, columns), leaf) for leaf in leaves if leaf is not None]
        for number in range(2, self.pages.count + 1):
            if number not in self.pages.used and self._is_leaf(number):
                first = self._first_number(number, columns)
                if first is not None:
                    placed.append((first, number))
        ordered = [leaf for first, leaf in sorted(placed, key=lambda at: at[0] or 0)]
        return [*ordered, None] if leaves[-1] is None else list(ordered)

    def _is_leaf(self, number: int) -> bool:
        try:
            return self.pages.peek(number)[0] == LEAF
        except PageError:
            return False

    def _first_number(self, leaf: int, columns: list[int]) -> int | None:
        """The number of the first message of a leaf, None when it holds none."""
        self.budget.advance(self.pages.page_bytes)
        with self.pages.looking(), suppress(PageError):
            for row in self.pages.rows(leaf):
                if row is not None and self._message(row, columns):
                    return row.number
        return None


class _Gaps:
    """Turns damaged places and missing row numbers into lost stretches of time."""

    def __init__(self, losses: Losses, *, holes: bool) -> None:
        self.losses = losses
        self.holes = holes
        self.broken = False
        self.rows = 0
        self.number: int | None = None
        self.time: int | None = None

    def bad(self, rows: int = 0) -> None:
        """Note a damaged place, and how many rows are known to be in it."""
        self.broken = True
        self.rows += rows

    def good(self, number: int, time: int) -> bool:
        """Take a complete row; return False if it was there before.

        Only stray pages repeat rows. Without them a number out of order is a damaged number, not a row
        that was there.
        """
        if self.holes and self.number is not None and number <= self.number:
            return False
        missing = number - (self.number or 0) - 1
        if missing > 0 and (self.broken or self.holes):
            times = [time] if self.time is None else sorted((self.time, time))
            first = None if self.time is None else times[0]
            self.losses.add("rows are damaged", first, times[-1], missing)
        self.number, self.time, self.broken, self.rows = number, time, False, 0
        return True

    def end(self, expected: int | None, saved: int) -> None:
        """End the file: damage that was noted last reaches to the end."""
        if not self.broken:
            return
        missing = self.rows or None
        if expected is not None:
            counted = sum(span.messages or 0 for span in self.losses.spans)
            if (short := expected - saved - counted) >= 0:
                missing = max(short, self.rows)
            # Fewer promised than are there: such a promise says nothing.
            if missing == 0:
                return
        self.losses.add("the end is damaged", self.time, None, missing)


def _columns(sql: Value) -> list[str]:
    """The names of the columns of a plain CREATE TABLE."""
    body = sql[sql.find("(") + 1 : sql.rfind(")")] if isinstance(sql, str) else ""
    return [part.split()[0].strip("\"'`[]") for part in re.split(r"[,\n]", body) if part.split()]


def _topic(row: dict[str, Value], definitions: dict[str, tuple[str, str]]) -> Topic:
    kind = _text(row.get("type"))
    encoding, definition = definitions.get(kind, ("", ""))
    return Topic(
        name=_text(row.get("name")),
        type=kind,
        serialization_format=_text(row.get("serialization_format")),
        offered_qos_profiles=_text(row.get("offered_qos_profiles")),
        type_hash=_text(row.get("type_description_hash")),
        definition=definition,
        definition_encoding=encoding,
    )


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""
