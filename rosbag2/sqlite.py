"""The sqlite3 store of rosbag2: the messages of one data file, and statistics about them."""

import operator
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise, starmap

from rosbag2.bundle import DataFile
from rosbag2.errors import BagError
from rosbag2.sqlite_file import guarded, opened
from rosbag2.sqlite_schema import read_schema

Message = tuple[int, str, bytes]
"""Time in nanoseconds since the epoch, topic name, serialized data."""

BATCH_BYTES = 8 * 2**20
_ROWS = "SELECT timestamp, topic_id, data FROM messages"
_BINS = (
    "SELECT topic_id, (timestamp - :start) / :width, count(*), min(timestamp), max(timestamp), "
    "sum(size), max(bad) FROM ("
    "SELECT topic_id, timestamp, length(data) AS size, "
    # The last byte of a large message is read only to walk the pages that hold it.
    "typeof(timestamp) <> 'integer' OR typeof("
    "CASE WHEN length(data) > 3000 THEN substr(data, -1) ELSE data END) <> 'blob' AS bad "
    # LIMIT keeps SQLite from merging the two, which would sort the data of all messages.
    "FROM messages LIMIT -1) GROUP BY 1, 2"
)
_SORTED = (
    # Sorts times and ids only, then fetches the data by id; LIMIT keeps the inner order.
    "SELECT m.timestamp, m.topic_id, m.data FROM (SELECT id FROM messages {where} "
    "ORDER BY timestamp, id LIMIT -1) AS o CROSS JOIN messages AS m ON m.id = o.id"
)


@dataclass(frozen=True)
class Span:
    """First and last time of a file in nanoseconds; both None without messages."""

    first_ns: int | None
    last_ns: int | None


@dataclass(frozen=True)
class Bin:
    """The messages of a topic within a stretch of time; size in bytes, times in nanoseconds."""

    topic_id: int
    number: int
    count: int
    first_ns: int
    last_ns: int
    size: int


class SqliteStore:
    """One data file, open for reading; made by `open_store`."""

    def __init__(self, file: DataFile, connection: sqlite3.Connection) -> None:
        self.file = file
        self.connection = connection
        self.schema, self.ros_distro, self.topics = read_schema(file.name, connection)

    def span(self) -> Span:
        """First and last time; cheap with the index on time."""
        query = "SELECT min(timestamp), max(timestamp) FROM messages"
        if self.time_index():
            query = "SELECT (SELECT min(timestamp) FROM messages), (SELECT max(timestamp) FROM messages)"
        first, last = self.connection.execute(query).fetchone()
        if not isinstance(first, int | None) or not isinstance(last, int | None):
            raise self._malformed()
        return Span(first, last)

    def bins(self, start_ns: int, width_ns: int) -> Iterator[Bin]:
        """Statistics per topic and stretch of time, in one pass that touches every page.

        Raises:
            BagError: FILE_DAMAGED.
        """
        with guarded(self.file.name):
            total = 0
            for row in self.connection.execute(_BINS, {"start": start_ns, "width": width_ns}):
                if row[-1]:
                    raise self._malformed()
                found = Bin(row[0], int(row[1]), *row[2:6])
                total += found.count
                yield found
            self._check_index(total)

    def _check_index(self, total: int) -> None:
        """The reader goes by the index on time: one that lacks rows would lose messages silently."""
        name = self.time_index()
        if not name:
            return
        quoted = name.replace('"', '""')
        query = f'SELECT count(*) FROM messages INDEXED BY "{quoted}"'  # noqa: S608
        (indexed,) = self.connection.execute(query).fetchone()
        if indexed != total:
            reason = f"its index has {indexed} of {total} messages"
            raise BagError("FILE_DAMAGED", file=self.file.name, reason=reason)

    def _malformed(self) -> BagError:
        reason = "it holds messages whose time is no number or whose data are no bytes"
        return BagError("FILE_DAMAGED", file=self.file.name, reason=reason)

    def counts(self) -> dict[int, int]:
        """Messages per topic id; one pass."""
        rows = self.connection.execute("SELECT topic_id, count(*) FROM messages GROUP BY topic_id")
        return dict(rows.fetchall())

    def batches(
        self, topics: Collection[str] | None, size: int, span: tuple[int, int] | None = None
    ) -> Iterator[list[Message]]:
        """Messages in time order, at most `size` and about 8 MB at once; of a span both ends included.

        Raises:
            BagError: FILE_DAMAGED.
        """
        names = {
            key: topic.name
            for key, topic in self.topics.items()
            if topics is None or topic.name in topics
        }
        with guarded(self.file.name):
            query = self._query(None if topics is None else names, span)
            yield from _batches(self.connection.execute(query), names, size)

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


@contextmanager
def open_store(file: DataFile) -> Iterator[SqliteStore]:
    """The store of a data file.

    Raises:
        BagError: as `sqlite_file.opened`, and SCHEMA_UNKNOWN.
    """
    with opened(file) as connection:
        yield SqliteStore(file, connection)


def _batches(rows: sqlite3.Cursor, names: dict[int, str], size: int) -> Iterator[list[Message]]:
    """The hot loop: kept as close to the bare cursor as a bound on memory allows."""
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
