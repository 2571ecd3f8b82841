"""The sqlite3 store of rosbag2, schema 1 to 4.

| schema | recorded by | brought |
| --- | --- | --- |
| 1 | Crystal, Dashing | tables `topics`, `messages` |
| 2 | Eloquent to Galactic | QoS per topic, the index on time |
| 3 | Humble | tables `schema`, `metadata` |
| 4 | Iron and later | type hashes, message definitions |
"""

import operator
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise, starmap

from rosbag2.bundle import DataFile
from rosbag2.errors import BagError
from rosbag2.metadata import Topic
from rosbag2.sqlite_file import guarded, opened

Message = tuple[int, str, bytes]
"""Time in nanoseconds since the epoch, topic name, serialized data."""

BATCH_BYTES = 8 * 2**20
_NEEDED = {
    "topics": {"id", "name", "type", "serialization_format"},
    "messages": {"id", "topic_id", "timestamp", "data"},
}
_ROWS = "SELECT timestamp, topic_id, data FROM messages"
_BINS = (
    "SELECT topic_id, (timestamp - :start) / :width, count(*), min(timestamp), max(timestamp), "
    "sum(length(data)), "
    # The last byte of a large message is read only to walk the pages that hold it.
    "max(typeof(timestamp) <> 'integer' OR typeof("
    "CASE WHEN length(data) > 3000 THEN substr(data, -1) ELSE data END) <> 'blob') "
    "FROM messages GROUP BY 1, 2"
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
        self.columns = {name: self._columns(name) for name in _NEEDED}
        for name, needed in _NEEDED.items():
            if missing := needed - self.columns[name]:
                what = f"table {name} lacks {', '.join(sorted(missing))}"
                raise BagError("SCHEMA_UNKNOWN", file=file.name, reason=what)
        self.schema, self.ros_distro = self._schema()
        self.topics = self._topics()

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

    def batches(self, topics: Collection[str] | None, size: int) -> Iterator[list[Message]]:
        """Messages in time order, at most `size` and about 8 MB at once.

        Raises:
            BagError: FILE_DAMAGED.
        """
        names = {
            key: topic.name
            for key, topic in self.topics.items()
            if topics is None or topic.name in topics
        }
        with guarded(self.file.name):
            query = self._query(None if topics is None else names)
            yield from _batches(self.connection.execute(query), names, size)

    def messages(self, topics: Collection[str] | None) -> Iterator[Message]:
        """Messages one by one, in time order."""
        for batch in self.batches(topics, 100):
            yield from batch

    def time_index(self) -> str | None:
        """The name of the index that gives the messages in time order."""
        for _, name, _, origin, partial in self.connection.execute("PRAGMA index_list(messages)"):
            columns = self.connection.execute("SELECT name FROM pragma_index_info(?)", (name,))
            if origin == "c" and not partial and columns.fetchone() == ("timestamp",):
                return str(name)
        return None

    def _query(self, wanted: Collection[int] | None) -> str:
        where = ""
        if wanted is not None:
            # The plus keeps SQLite from choosing an index on topics over the one on time.
            where = f"WHERE +topic_id IN ({','.join(map(str, wanted))})"
        if self.time_index():
            return f"{_ROWS} {where} ORDER BY timestamp"
        times = self.connection.execute("SELECT timestamp FROM messages ORDER BY id")
        if all(starmap(operator.le, pairwise(times))):
            return f"{_ROWS} {where} ORDER BY id"
        return _SORTED.format(where=where)

    def _columns(self, table: str) -> set[str]:
        """Columns of a real table; views, virtual tables and computed columns run foreign code."""
        found = self.connection.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? AND rootpage > 0",
            (table,),
        ).fetchone()
        if not found:
            if table in _NEEDED:
                reason = f"it has no table {table}"
                raise BagError("SCHEMA_UNKNOWN", file=self.file.name, reason=reason)
            return set()
        rows = self.connection.execute(
            "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,)
        )
        return {str(name) for (name,) in rows}

    def _schema(self) -> tuple[int, str]:
        if {"schema_version", "ros_distro"} <= self._columns("schema"):
            row = self.connection.execute(
                "SELECT schema_version, ros_distro FROM schema"
            ).fetchone()
            if row and isinstance(row[0], int):
                return row[0], str(row[1] or "")
        return (2 if "offered_qos_profiles" in self.columns["topics"] else 1), ""

    def _topics(self) -> dict[int, Topic]:
        has = self.columns["topics"]
        extra = [
            name if name in has else "''"
            for name in ("offered_qos_profiles", "type_description_hash")
        ]
        definitions = self._definitions()
        rows = self.connection.execute(
            f"SELECT id, name, type, serialization_format, {', '.join(extra)} "  # noqa: S608
            "FROM topics ORDER BY id"
        )
        return {key: _topic(values, definitions) for key, *values in rows}

    def _definitions(self) -> dict[str, tuple[str, str]]:
        if not {"topic_type", "encoding", "encoded_message_definition"} <= self._columns(
            "message_definitions"
        ):
            return {}
        rows = self.connection.execute(
            "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions "
            "ORDER BY id DESC"
        )
        return {_text(name): (_text(encoding), _text(text)) for name, encoding, text in rows}


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


def _topic(values: list[object], definitions: dict[str, tuple[str, str]]) -> Topic:
    name, kind, serialization, qos, type_hash = map(_text, values)
    encoding, definition = definitions.get(kind, ("", ""))
    return Topic(name, kind, serialization, qos, type_hash, definition, encoding)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
