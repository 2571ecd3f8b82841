"""Writes a bag: sqlite3, schema 4, metadata version 9 (or 5)."""

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from rosbag2.errors import BagError
from rosbag2.formats import qos
from rosbag2.formats.bundle import DATA_SUFFIXES
from rosbag2.formats.metadata import FILE_NAME, Topic
from rosbag2.writing.metadata_writer import TEXT_ENDS, RecordedFile, Recording, metadata_text

COMMIT_SECONDS = 1.0
COMMIT_BYTES = 4 * 2**20
_VERSION = 9
_HASH = re.compile(r"RIHS\d\d_[0-9a-f]{64}")
_SCHEMA = """
CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL);
CREATE TABLE metadata(id INTEGER PRIMARY KEY, metadata_version INTEGER NOT NULL,
    metadata TEXT NOT NULL);
CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,
    serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL,
    type_description_hash TEXT NOT NULL);
CREATE TABLE message_definitions(id INTEGER PRIMARY KEY, topic_type TEXT NOT NULL,
    encoding TEXT NOT NULL, encoded_message_definition TEXT NOT NULL,
    type_description_hash TEXT NOT NULL);
CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX timestamp_idx ON messages (timestamp ASC);
"""


class BagWriter:
    """Writes one bag into a folder of its own; use it as a context manager, from one thread at a time.

    Messages are in the file within about a second, so a killed process leaves a readable database. When
    the disk is full, `write` and `commit` raise and keep what is not yet in the file; the next commit
    tries again. `stem` is the name of the data file without its ending; by default that of the folder with
    `_0`. Without `synced`, `close` does not wait for the disk. `version` is that of the metadata: 9, or 5,
    which ROS 2 Humble and later can read.

    Raises:
        BagError: BAG_EXISTS, WRITE_FAILED.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ros_distro: str = "unknown",
        commit_seconds: float = COMMIT_SECONDS,
        version: int = _VERSION,
        stem: str = "",
        synced: bool = True,
    ) -> None:
        self.folder = folder
        self.synced = synced
        self.version = version
        self.ros_distro = ros_distro
        self.commit_seconds = commit_seconds
        self.file = folder / f"{stem or f'{folder.absolute().name}_0'}.db3"
        self.topics: list[Topic] = []
        self.stored_bytes = 0
        self._topic_counts: list[int] = []
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._waiting: list[tuple[int, int, bytes]] = []
        self._waiting_bytes = 0
        self._committed_at = time.monotonic()
        self._stored_topics = 0
        self._closed = False
        self._connection = self._create()

    @property
    def message_count(self) -> int:
        """Messages taken so far."""
        return sum(self._topic_counts)

    @property
    def counts(self) -> dict[str, int]:
        """Messages taken so far per topic name."""
        result: dict[str, int] = {}
        for topic, count in zip(self.topics, self._topic_counts, strict=True):
            result[topic.name] = result.get(topic.name, 0) + count
        return result

    def add_topic(self, topic: Topic) -> int:
        """Add a topic, at any time, and return its number for `write`.

        Invalid QoS and invalid type hashes are left out, so that other tools
        can open the bag.
        """
        plain = qos.profiles(topic.offered_qos_profiles)
        text = topic.offered_qos_profiles if plain else ""
        if text and self.version < TEXT_ENDS:
            text = qos.numbered(text)
        type_hash = topic.type_hash if _HASH.fullmatch(topic.type_hash) else ""
        self.topics.append(replace(topic, offered_qos_profiles=text, type_hash=type_hash))
        self._topic_counts.append(0)
        return len(self.topics)

    def write(self, topic_id: int, timestamp_ns: int, data: bytes) -> None:
        """Take one serialized message of a topic, received at that time since the epoch."""
        self._topic_counts[topic_id - 1] += 1
        self._waiting.append((topic_id, timestamp_ns, data))
        self._waiting_bytes += len(data)
        self.stored_bytes += len(data)
        if self._first_ns is None or timestamp_ns < self._first_ns:
            self._first_ns = timestamp_ns
        if self._last_ns is None or timestamp_ns > self._last_ns:
            self._last_ns = timestamp_ns
        due = time.monotonic() - self._committed_at >= self.commit_seconds
        if due or self._waiting_bytes >= COMMIT_BYTES:
            self.commit()

    def commit(self) -> None:
        """Commit all messages taken so far; `write` does so once a second by itself.

        Call it from a timer where messages may pause.
        """
        self._committed_at = time.monotonic()
        with self._guarded():
            for number in range(self._stored_topics, len(self.topics)):
                self._store(number + 1, self.topics[number])
            self._connection.executemany(
                "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", self._waiting
            )
            self._connection.commit()
        self._stored_topics = len(self.topics)
        self._waiting.clear()
        self._waiting_bytes = 0

    def close(self) -> None:
        """Finish the bag: all messages, then metadata.yaml. Twice is no error."""
        if self._closed:
            return
        self.commit()
        text = self._metadata()
        with self._guarded():
            self._connection.execute("DELETE FROM metadata")
            self._connection.execute("INSERT INTO metadata VALUES (1, ?, ?)", (self.version, text))
            self._connection.commit()
            write_atomically(self.folder / FILE_NAME, text, synced=self.synced)
            self._connection.close()
            if self.synced:
                _flush(self.file)
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _create(self) -> sqlite3.Connection:
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.name == FILE_NAME or path.name.endswith(DATA_SUFFIXES):
                    raise BagError("BAG_EXISTS", file=self.folder.name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.file, check_same_thread=False)
            # A killed process loses nothing without fsync; close() flushes against power cuts.
            connection.execute("PRAGMA synchronous = OFF")
            # Nothing of a transaction may reach the file before its commit.
            connection.execute("PRAGMA cache_spill = OFF")
            connection.executescript(_SCHEMA)
            connection.execute("INSERT INTO schema VALUES (4, ?)", (self.ros_distro,))
            connection.commit()
        except (sqlite3.Error, OSError) as error:
            raise BagError("WRITE_FAILED", file=self.file.name, reason=str(error)) from error
        return connection

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._connection.rollback()
            if not isinstance(error, sqlite3.Error | OSError):
                raise
            raise BagError("WRITE_FAILED", file=self.file.name, reason=str(error)) from error

    def _store(self, number: int, topic: Topic) -> None:
        self._connection.execute(
            "INSERT INTO topics VALUES (?, ?, ?, ?, ?, ?)",
            (
                number,
                topic.name,
                topic.type,
                topic.serialization_format,
                topic.offered_qos_profiles,
                topic.type_hash,
            ),
        )
        if topic.definition and topic.definition_encoding in {"ros2msg", "ros2idl"}:
            self._connection.execute(
                "INSERT INTO message_definitions (topic_type, encoding, "
                "encoded_message_definition, type_description_hash) SELECT ?1, ?2, ?3, ?4 "
                "WHERE NOT EXISTS (SELECT 1 FROM message_definitions WHERE topic_type = ?1)",
                (topic.type, topic.definition_encoding, topic.definition, topic.type_hash),
            )

    def _metadata(self) -> str:
        file = RecordedFile(self.file.name, self._first_ns, self._last_ns, sum(self._topic_counts))
        return metadata_text(
            Recording(
                files=(file,),
                topics=tuple(zip(self.topics, self._topic_counts, strict=True)),
                ros_distro=self.ros_distro,
                version=self.version,
            )
        )


def write_atomically(path: Path, text: str, *, synced: bool = True) -> None:
    """Write a text to a file so that a reader sees all of it or nothing; `synced`, also after a power cut."""
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    if synced:
        _flush(partial)
    partial.replace(path)


def _flush(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
