"""The sqlite3 store of rosbag2: the messages of one data file, and their columns for statistics."""

import operator
import sqlite3
from collections.abc import Collection, Iterator
from itertools import pairwise, starmap
from typing import TYPE_CHECKING

from rosbag2.budget import MAX_MESSAGE, Budget, max_unpacked
from rosbag2.errors import BagError
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.compression import MAGIC, unpack_message
from rosbag2.formats.sqlite_schema import read_schema
from rosbag2.reading.base import BATCH_BYTES, Finding, Message, Span
from rosbag2.reading.sqlite_file import guarded
from rosbag2.reading.sqlite_index import index_fault

if TYPE_CHECKING:
    from rosbag2.reading.columns import Samples

_ROWS = "SELECT timestamp, topic_id, data FROM messages"
# length() and typeof() of a column need only its header, not the pages that hold it.
_COLUMNS = (
    "SELECT topic_id, timestamp, CASE WHEN typeof(data) = 'blob' AND typeof(timestamp) = 'integer' "
    "THEN length(data) ELSE -1 END FROM messages NOT INDEXED"
)
_PACKED = "SELECT topic_id, timestamp, data FROM messages NOT INDEXED"
_LARGE = 1000
# The last byte of a large message is read only to walk the pages that hold it.
_WALK = f"SELECT length(data), substr(data, -1) FROM messages WHERE length(data) > {_LARGE}"  # noqa: S608
_SORTED = (
    # Sorts times and ids only, then fetches the data by id; LIMIT keeps the inner order.
    "SELECT m.timestamp, m.topic_id, m.data FROM (SELECT id FROM messages {where} "
    "ORDER BY timestamp, id LIMIT -1) AS o CROSS JOIN messages AS m ON m.id = o.id"
)
_ROWS_AT_ONCE = 50_000
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
            self.schema, self.ros_distro, self.topics = read_schema(file.name, connection)
            self.packed = self._is_packed()

    def _is_packed(self) -> bool:
        """Return whether messages are compressed one by one; the data tell, metadata may not."""
        row = self.connection.execute("SELECT data FROM messages LIMIT 1").fetchone()
        return bool(row) and isinstance(row[0], bytes) and row[0].startswith(MAGIC)

    def span(self) -> Span:
        """First and last time; cheap with the index on time."""
        query = "SELECT min(timestamp), max(timestamp) FROM messages"
        if self.time_index():
            query = "SELECT (SELECT min(timestamp) FROM messages), (SELECT max(timestamp) FROM messages)"
        with guarded(self.file.name):
            first, last = self.connection.execute(query).fetchone()
        if not isinstance(first, int | None) or not isinstance(last, int | None):
            raise self._malformed()
        return Span(first, last)

    def samples(self) -> "Iterator[Samples]":
        """All messages as columns, in the order of the file; every page is touched.

        Raises:
            BagError: FILE_DAMAGED, MESSAGE_TOO_LARGE.
        """
        total = volume = max_size = 0
        for samples in self._unpacked_samples() if self.packed else self._plain_samples():
            total += len(samples.sizes)
            if not self.packed:
                volume += int(samples.sizes.sum())
                max_size = max(max_size, int(samples.sizes.max()))
            # Pages that are listed twice make a small file endless.
            if total * _MIN_ROW > self.size or volume > self.size:
                raise self._damaged("it lists more than its size can hold")
            yield samples
        if max_size > MAX_MESSAGE:
            raise BagError("MESSAGE_TOO_LARGE", file=self.file.name, limit=MAX_MESSAGE)
        if max_size > _LARGE and not self.packed:
            self._walk_large()
        self._check_index(total)

    def _plain_samples(self) -> "Iterator[Samples]":
        with guarded(self.file.name):
            cursor = self.connection.execute(_COLUMNS)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                samples = self._columns(rows)
                if int(samples.sizes.min()) < 0:
                    raise self._malformed()
                self.budget.advance(32 * len(rows))
                yield samples

    def _unpacked_samples(self) -> "Iterator[Samples]":
        with guarded(self.file.name):
            rows: list[tuple[int, int, int]] = []
            total, limit = 0, max_unpacked(self.size)
            for topic, time, data in self.connection.execute(_PACKED):
                if not isinstance(data, bytes) or not isinstance(time, int):
                    raise self._malformed()
                rows.append((topic, time, len(unpack_message(self.file.name, data))))
                self.budget.advance(rows[-1][2])
                total += rows[-1][2]
                if total > limit:
                    raise BagError("UNPACKS_TOO_LARGE", file=self.file.name, limit=limit)
                if len(rows) >= _ROWS_AT_ONCE:
                    yield self._columns(rows)
                    rows.clear()
            if rows:
                yield self._columns(rows)

    def _columns(self, rows: list[tuple[int, int, int]]) -> "Samples":
        from rosbag2.reading.columns import columns  # noqa: PLC0415 - numpy: only for who needs it

        try:
            return columns(rows)
        except (ValueError, OverflowError) as error:
            raise self._malformed() from error

    def _walk_large(self) -> None:
        with guarded(self.file.name):
            for length, _ in self.connection.execute(_WALK):
                self.budget.advance(length)

    def findings(self) -> list[Finding]:
        """None: an oddity within a database is an error."""
        return []

    def _check_index(self, total: int) -> None:
        """Refuse a file of which the reader would lose messages silently."""
        from rosbag2.reading.sqlite_unread import unread  # noqa: PLC0415 - numpy, as above

        with guarded(self.file.name):
            name = self.time_index()
            fault = "" if name is None else index_fault(self.connection, name, total)
            fault = fault or unread(self.connection, self.budget, has_index=name is not None)
            self.connection.execute(self._query(None, None)).fetchone()
        if fault:
            raise self._damaged(fault)

    def _malformed(self) -> BagError:
        return self._damaged("it holds messages whose time is no number or whose data are no bytes")

    def _damaged(self, reason: str) -> BagError:
        return BagError("FILE_DAMAGED", file=self.file.name, reason=reason)

    def batches(
        self, topics: Collection[str] | None, size: int, span: tuple[int, int] | None = None
    ) -> Iterator[list[Message]]:
        """Messages in time order, at most `size` and about 8 MB at once; of a span both ends included.

        Raises:
            BagError: FILE_DAMAGED, MESSAGE_TOO_LARGE.
        """
        names = {
            key: topic.name
            for key, topic in self.topics.items()
            if topics is None or topic.name in topics
        }
        with guarded(self.file.name):
            query = self._query(None if topics is None else names, span)
            batches = _batches(self.connection.execute(query), names, size)
            if not self.packed:
                yield from batches
                return
            for batch in batches:
                yield from self._unpacked(batch)

    def _unpacked(self, batch: list[Message]) -> Iterator[list[Message]]:
        done: list[Message] = []
        weight = 0
        for time, name, data in batch:
            content = unpack_message(self.file.name, data)
            done.append((time, name, content))
            weight += len(content)
            if weight >= BATCH_BYTES:
                yield done
                done, weight = [], 0
        if done:
            yield done

    def messages(
        self, topics: Collection[str] | None, span: tuple[int, int] | None = None
    ) -> Iterator[Message]:
        """Messages one by one, in time order."""
        for batch in self.batches(topics, 100, span):
            yield from batch

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


def _batches(rows: sqlite3.Cursor, names: dict[int, str], size: int) -> Iterator[list[Message]]:
    """The hot loop: as close to the bare cursor as a bound on memory allows."""
    batch: list[Message] = []
    weight = 0
    light = BATCH_BYTES // size
    while True:
        try:
            for time, topic, data in rows:
                batch.append((time, names[topic], data))
                if len(data) > light:
                    weight += len(data)
                if len(batch) >= size or weight >= BATCH_BYTES:
                    yield batch
                    batch = []
                    weight = 0
            break
        except KeyError:
            # A message of no topic; the cursor goes on behind it.
            continue
    if batch:
        yield batch
