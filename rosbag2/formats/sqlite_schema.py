"""The tables of the sqlite3 store, schema 1 to 4, and that of 2018, before the first release.

| schema | recorded by | brought |
| --- | --- | --- |
| 1 | before Crystal | tables `topics`, `messages` |
| 1 | Crystal, Dashing | the serialization of a topic |
| 2 | Eloquent to Galactic | QoS per topic, the index on time |
| 3 | Humble | tables `schema`, `metadata` |
| 4 | Iron and later | type hashes, message definitions |
"""

import sqlite3

from rosbag2.budget import MAX_TOPICS
from rosbag2.errors import BagError
from rosbag2.formats.metadata import Topic

_TOPICS = {"id", "name", "type"}
_MESSAGES = {"id", "topic_id", "timestamp", "data"}
_FIRST_MESSAGES = {"timestamp", "data"}
"""Columns of messages in 2018, before topics had names."""
_SCHEMA = {"schema_version", "ros_distro"}
_DEFINITIONS = {"id", "topic_type", "encoding", "encoded_message_definition"}


def read_schema(name: str, connection: sqlite3.Connection) -> tuple[str, dict[int, Topic]]:
    """ROS distribution ("" before schema 3), and the topics by their number in the file.

    Raises:
        BagError: SCHEMA_UNKNOWN, TOPICS_UNNAMED, FILE_DAMAGED, TOO_MANY_TOPICS; they name the file.
    """
    topics, messages = _columns(connection, "topics"), _columns(connection, "messages")
    for table, needed, columns in (("topics", _TOPICS, topics), ("messages", _MESSAGES, messages)):
        if not columns:
            code = "TOPICS_UNNAMED" if messages >= _FIRST_MESSAGES else "SCHEMA_UNKNOWN"
            raise BagError(code, file=name, reason=f"it has no table {table}")
        if missing := needed - columns:
            reason = f"its table {table} lacks {', '.join(sorted(missing))}"
            raise BagError("SCHEMA_UNKNOWN", file=name, reason=reason)
    _require_few_topics(name, connection)
    found = _topics(connection, topics)
    if not all(isinstance(key, int) for key in found):
        raise BagError("FILE_DAMAGED", file=name, reason="its topics have no numbers")
    return _ros_distro(connection), found


def _require_few_topics(name: str, connection: sqlite3.Connection) -> None:
    query = "SELECT count(*) FROM (SELECT 1 FROM topics LIMIT ?)"
    if connection.execute(query, (MAX_TOPICS + 1,)).fetchone()[0] > MAX_TOPICS:
        raise BagError("TOO_MANY_TOPICS", file=name, limit=MAX_TOPICS)


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """Columns of a real table; views, virtual tables and computed columns run foreign code."""
    exists = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? AND rootpage > 0", (table,)
    ).fetchone()
    if not exists:
        return set()
    rows = connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,))
    return {str(name) for (name,) in rows}


def _ros_distro(connection: sqlite3.Connection) -> str:
    if _columns(connection, "schema") >= _SCHEMA:
        row = connection.execute("SELECT schema_version, ros_distro FROM schema").fetchone()
        if row and isinstance(row[0], int):
            return _text(row[1])
    return ""


def _topics(connection: sqlite3.Connection, columns: set[str]) -> dict[int, Topic]:
    later = ("serialization_format", "offered_qos_profiles", "type_description_hash")
    values = ", ".join(name if name in columns else "''" for name in later)
    definitions = _definitions(connection)
    rows = connection.execute(f"SELECT id, name, type, {values} FROM topics ORDER BY id")  # noqa: S608
    return {key: _topic(values, definitions) for key, *values in rows}


def _definitions(connection: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    if not _columns(connection, "message_definitions") >= _DEFINITIONS:
        return {}
    rows = connection.execute(
        "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions "
        "ORDER BY id DESC"
    )
    return {_text(kind): (_text(encoding), _text(text)) for kind, encoding, text in rows}


def _topic(values: list[object], definitions: dict[str, tuple[str, str]]) -> Topic:
    name, kind, serialization, qos, type_hash = map(_text, values)
    encoding, definition = definitions.get(kind, ("", ""))
    return Topic(name, kind, serialization, qos, type_hash, definition, encoding)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
