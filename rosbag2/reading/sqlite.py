"""The sqlite3 store of rosbag2: the messages of one data file, and their columns for statistics."""

import operator
import sqlite3
from collections.abc import Collection, Iterator
from itertools import pairwise, starmap
from typing import TYPE_CHECKING

from rosbag2.budget import MAX_MESSAGE, Budget, max_unpacked
from rosbag2.errors import BagError
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.sqlite_schema import read_schema
from rosbag2.formats.stored_message import PLAIN
from rosbag2.reading.base import Doubt, Message
from rosbag2.reading.contents import NO_MESSAGE, Contents
from rosbag2.reading.failures import guarded
from rosbag2.reading.sqlite_index import differences, index_fault

if TYPE_CHECKING:
    from rosbag2.reading.columns import Samples

_MALFORMED = -2
_ROWS = "SELECT timestamp, topic_id, data FROM messages"
_PLAIN = ", ".join(f"x'{head.hex()}'" for head in sorted(PLAIN))
# Each message is touched, so that every page is; what is unusual is looked at by `Contents`.
_COLUMNS = f"""
    SELECT topic_id, timestamp, CASE
        WHEN typeof(data) <> 'blob' OR typeof(timestamp) <> 'integer' THEN {_MALFORMED}
        WHEN length(data) > {MAX_MESSAGE} THEN length(data)
        WHEN substr(data, 1, 4) IN ({_PLAIN}) THEN length(data)
        ELSE stored_size(topic_id, data) END
    FROM messages NOT INDEXED
"""  # noqa: S608
_SMALL = (
    f"SELECT timestamp, topic_id, CASE WHEN length(data) <= {MAX_MESSAGE} THEN data END "  # noqa: S608
    "FROM messages NOT INDEXED"
)
_SORTED = (
    # Sorts times and ids only, then fetches the data by id; LIMIT keeps the inner order.
    "SELECT m.timestamp, m.topic_id, m.data FROM (SELECT id FROM messages {where} "
    "ORDER BY timestamp, id LIMIT -1) AS o CROSS JOIN messages AS m ON m.id = o.id"
)
_ROWS_AT_ONCE = 50_000
_FEW_ROWS = 32
_SIZE = operator.itemgetter(2)
# No row of a table needs less: length, id, header of five, topic and time.
_MIN_ROW = 8


class SqliteStore:
    """One data file, open for reading; made by `opening.open_store`."""

    kind = "sqlite3"

    def __init__(
        self, file: DataFile, connection: sqlite3.Connection, size: int, budget: Budget
    ) -> None:
        self.file = file
        self.connection = connection
        self.size = size
        self.budget = budget
        with guarded(file.name):
            self.ros_distro, self.topics = read_schema(file.name, connection)
        self.contents = Contents(file.name, self.topics, max_unpacked(size), budget)
        self.order_fault = ""
        self.doubts: list[Doubt] = []

    def span(self) -> tuple[int, int] | None:
        """First and last time; cheap with the index on time."""
        query = "SELECT min(timestamp), max(timestamp) FROM messages"
        if self.time_index():
            query = "SELECT (SELECT min(timestamp) FROM messages), (SELECT max(timestamp) FROM messages)"
        with guarded(self.file.name):
            first, last = self.connection.execute(query).fetchone()
        if first is None:
            return None
        if not isinstance(first, int) or not isinstance(last, int):
            raise self._malformed()
        return first, last

    def samples(self) -> "Iterator[Samples]":
        total = volume = 0
        for samples in self._batches_of_columns():
            total += len(samples.sizes)
            volume += int(samples.sizes.sum())
            # Pages that are listed twice make a small file endless.
            if total * _MIN_ROW > self.size or volume > self.size + self.contents.unpacked:
                raise self._damaged("it lists more than its size can hold")
            place = int(samples.sizes.argmax())
            largest = int(samples.sizes[place])
            self.budget.make_room(largest)
            if largest > MAX_MESSAGE:
                self.contents.note_large(int(samples.topic_ids[place]), largest)
            yield samples
        self._check_index(total)
        self.contents.require_small()

    def _batches_of_columns(self) -> "Iterator[Samples]":
        with guarded(self.file.name):
            size_of = _SizeOf(self.contents)
            self.connection.create_function("stored_size", 2, size_of)
            cursor = self.connection.execute(_COLUMNS)
            while rows := self._next(cursor):
                if size_of.error is not None:
                    raise size_of.error
                samples = self._columns(rows)
                if int(samples.sizes.min()) == _MALFORMED:
                    raise self._malformed()
                self.budget.advance(32 * len(rows))
                yield samples

    def _next(self, cursor: sqlite3.Cursor) -> list[tuple[int, int, int]]:
        """The next rows; their sizes are progress, as all their pages are read."""
        rows: list[tuple[int, int, int]] = []
        while len(rows) < _ROWS_AT_ONCE and (few := cursor.fetchmany(_FEW_ROWS)):
            rows += few
            self.budget.advance(sum(map(_SIZE, few)))
        return rows

    def _columns(self, rows: list[tuple[int, int, int]]) -> "Samples":
        from rosbag2.reading.columns import columns  # noqa: PLC0415 - numpy: only for who needs it

        try:
            return columns(rows)
        except (ValueError, OverflowError) as error:
            raise self._malformed() from error

    def rows(self) -> Iterator[tuple[int, int, bytes | None]]:
        with guarded(self.file.name):
            for time, topic, data in self.connection.execute(_SMALL):
                message = None if data is None else self.contents.message(topic, data)
                yield topic, time, message

    def findings(self) -> list[BagError]:
        """None: an oddity within a database is an error."""
        return []

    def _check_index(self, total: int) -> None:
        """Refuse a file of which the reader would lose messages silently."""
        from rosbag2.reading.sqlite_unread import unread  # noqa: PLC0415 - numpy, as above

        with guarded(self.file.name):
            name = self.time_index()
            fault = "" if name is None else index_fault(self.connection, name, total)
            self.doubts = differences(self.connection, name) if name and fault else []
            if self.doubts:
                self.order_fault, fault = fault, ""
            fault = fault or unread(self.connection, self.budget, has_index=name is not None)
            self.connection.execute(self._query(None, None)).fetchone()
        if fault:
            raise self._damaged(fault)

    def _malformed(self) -> BagError:
        return self._damaged("it holds messages whose time is no number or whose data are no bytes")

    def _damaged(self, reason: str) -> BagError:
        return BagError("FILE_DAMAGED", file=self.file.name, reason=reason)

    def messages(
        self, topics: Collection[str] | None, span: tuple[int, int] | None
    ) -> Iterator[Message]:
        """Messages in time order, as close to the bare cursor as can be."""
        names = {
            key: topic.name
            for key, topic in self.topics.items()
            if topics is None or topic.name in topics
        }
        with guarded(self.file.name):
            query = self._query(None if topics is None else names, span)
            message = self.contents.message
            for time, topic, data in self.connection.execute(query):
                if topic not in names:
                    continue
                if data[:4] in PLAIN or (data := message(topic, data)) is not None:
                    yield time, names[topic], data

    def time_index(self) -> str | None:
        """The name of the index that gives the messages in time order."""
        for _, name, _, origin, partial in self.connection.execute("PRAGMA index_list(messages)"):
            columns = self.connection.execute("SELECT name FROM pragma_index_info(?)", (name,))
            if origin == "c" and not partial and columns.fetchone() == ("timestamp",):
                return str(name)
        return None

    def _query(self, wanted: Collection[int] | None, span: tuple[int, int] | None) -> str:
        tests = []
        if span is not None:
            tests.append(f"timestamp BETWEEN {int(span[0])} AND {int(span[1])}")
        if wanted is not None:
            # The plus keeps SQLite from choosing an index on topics over the one on time.
            tests.append(f"+topic_id IN ({','.join(map(str, wanted))})")
        where = f"WHERE {' AND '.join(tests)}" if tests else ""
        if self.time_index():
            return f"{_ROWS} {where} ORDER BY timestamp"
        times = self.connection.execute("SELECT timestamp FROM messages ORDER BY id")
        if all(starmap(operator.le, pairwise(times))):
            return f"{_ROWS} {where} ORDER BY id"
        return _SORTED.format(where=where)


class _SizeOf:
    """`Contents.size` as a function of SQLite, which lets no error through; the first is kept."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.error: BagError | None = None

    def __call__(self, topic_id: int, data: bytes) -> int:
        if self.error is None:
            try:
                return self.contents.size(topic_id, data)
            except BagError as error:
                self.error = error
        return NO_MESSAGE
