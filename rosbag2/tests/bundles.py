"""Bags for tests: written row by row, so that they can be wrong in every way."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from rosbag2.reading.reader import BagReader

SHARED = Path(__file__).parents[3] / "shared" / "bags"
START = 1_600_000_000_000_000_000
QOS = """- history: 3
  depth: 0
  reliability: 1
  durability: 2
  deadline: {sec: 0, nsec: 0}
  lifespan: {sec: 0, nsec: 0}
  liveliness: 1
  liveliness_lease_duration: {sec: 0, nsec: 0}
  avoid_ros_namespace_conventions: false
"""

CDR = b"\0\1\0\0"
"""The header of a message."""

Row = tuple[int, int, bytes]
TOPICS = ((1, "/odom", "nav_msgs/msg/Odometry"), (2, "/imu", "sensor_msgs/msg/Imu"))


def rows(count: int = 10, start: int = START) -> list[Row]:
    """Messages of topics 1 and 2 in turn, a millisecond apart."""
    return [(1 + n % 2, start + n * 10**6, CDR + bytes([n % 256]) * 16) for n in range(count)]


def database(
    path: Path,
    messages: Iterable[Row] | None = None,
    *,
    schema: int = 4,
    topics: Iterable[tuple[int, str, str]] = TOPICS,
    qos: str = "",
    index: bool | None = None,
) -> Path:
    """A data file as that schema has it."""
    extra = ["offered_qos_profiles"] * (schema >= 2) + ["type_description_hash"] * (schema >= 4)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,"
            " serialization_format TEXT NOT NULL)"
        )
        for column in extra:
            connection.execute(f"ALTER TABLE topics ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
        connection.execute(
            "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL,"
            " timestamp INTEGER NOT NULL, data BLOB NOT NULL)"
        )
        if index if index is not None else schema >= 2:
            connection.execute("CREATE INDEX timestamp_idx ON messages (timestamp ASC)")
        if schema >= 3:
            connection.executescript(
                "CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL);"
                "CREATE TABLE metadata(id INTEGER PRIMARY KEY, metadata_version INTEGER NOT NULL,"
                " metadata TEXT NOT NULL);"
            )
            connection.execute("INSERT INTO schema VALUES (?, 'humble')", (schema,))
        if schema >= 4:
            connection.executescript(
                "CREATE TABLE message_definitions(id INTEGER PRIMARY KEY, topic_type TEXT NOT NULL,"
                " encoding TEXT NOT NULL, encoded_message_definition TEXT NOT NULL,"
                " type_description_hash TEXT NOT NULL);"
            )
        more = [qos] * (schema >= 2) + [""] * (schema >= 4)
        for number, name, kind in topics:
            values = (number, name, kind, "cdr", *more)
            marks = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO topics VALUES ({marks})", values)  # noqa: S608
        connection.executemany(
            "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)",
            rows() if messages is None else messages,
        )
        connection.commit()
    return path


CLAIMS: dict[str, object] = {
    "version": 5,
    "files": ["bag_0.db3"],
    "count": 10,
    "start": START,
    "duration": 9 * 10**6,
    "topics": [("/odom", "nav_msgs/msg/Odometry", 5), ("/imu", "sensor_msgs/msg/Imu", 5)],
    "qos": '""',
    "storage": "sqlite3",
    "serialization": "cdr",
    "more": "",
}


def metadata(folder: Path, **changes: Any) -> None:
    """A metadata.yaml as its version has it: CLAIMS, with changes."""
    claim: dict[str, Any] = CLAIMS | changes
    version = claim["version"]
    text = f"""rosbag2_bagfile_information:
  version: {version}
  storage_identifier: {claim["storage"]}
  relative_file_paths: [{", ".join(claim["files"])}]
  duration: {{nanoseconds: {claim["duration"]}}}
  starting_time: {{nanoseconds_since_epoch: {claim["start"]}}}
  message_count: {claim["count"]}
  topics_with_message_count:
"""
    for name, kind, messages in claim["topics"]:
        text += f"""    - topic_metadata:
        name: {name}
        type: {kind}
        serialization_format: {claim["serialization"]}
"""
        text += f"        offered_qos_profiles: {claim['qos']}\n" if version >= 4 else ""
        text += '        type_description_hash: ""\n' if version >= 7 else ""
        text += f"      message_count: {messages}\n"
    plain = '  compression_format: ""\n  compression_mode: ""\n'
    text += plain if version >= 3 and not claim["more"] else ""
    text += "  custom_data: ~\n" if version >= 6 else ""
    text += "  ros_distro: jazzy\n" if version >= 8 else ""
    (folder / "metadata.yaml").write_text(text + claim["more"])


def bag(folder: Path, messages: Iterable[Row] | None = None) -> Path:
    """A sound bag of one file; its metadata fits ten messages."""
    folder.mkdir(parents=True, exist_ok=True)
    database(folder / "bag_0.db3", messages)
    metadata(folder)
    return folder


def read(folder: Path, topics: Iterable[str] | None = None) -> list[tuple[int, str, bytes]]:
    """All messages that the reader gives."""
    with BagReader(folder) as reader:
        wanted = None if topics is None else list(topics)
        return [message for batch in reader.batches(wanted) for message in batch]
