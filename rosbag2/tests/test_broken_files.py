"""Data files that are none, or that are damaged: refused, and the file is named."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rosbag2.checks.verify import verify
from rosbag2.errors import BagError
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.tests.bundles import CDR, START, bag, metadata, read, rows

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 28672\n"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "FILE_IS_EMPTY"),
        (b"not a database at all", "FILE_NOT_SQLITE"),
        (POINTER, "FILE_IS_LFS_POINTER"),
        (b"\x28\xb5\x2f\xfd" + b"\0" * 200, "FILE_DAMAGED"),
        (b"\x89MCAP0\r\n" + b"\0" * 200, "FILE_DAMAGED"),
        (b"SQLite format 3\0", "FILE_DAMAGED"),
        (b"SQLite format 3\0" + b"\xff" * 4096, "FILE_DAMAGED"),
    ],
)
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes, code: str) -> None:
    (bag(tmp_path) / "bag_0.db3").write_bytes(content)
    verdict = verify(tmp_path)
    assert (verdict.status, verdict.code) == ("rejected", code)
    assert "bag_0.db3" in verdict.sentence
    with pytest.raises(BagError) as caught:
        read(tmp_path)
    assert caught.value.code == code
    assert caught.value.file == "bag_0.db3"


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE messages",
        "ALTER TABLE messages RENAME COLUMN data TO payload",
        "DROP TABLE messages; CREATE VIEW messages AS "
        "SELECT 1 AS id, 1 AS topic_id, 1 AS timestamp, x'00' AS data",
        "ALTER TABLE messages RENAME TO old; CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id, "
        "timestamp, data AS (zeroblob(1000000000)))",
        "DROP TABLE messages; CREATE VIRTUAL TABLE messages USING fts5(id, topic_id, timestamp, data)",
    ],
)
def test_tables_that_are_not_those_of_rosbag2(tmp_path: Path, change: str) -> None:
    with closing(sqlite3.connect(bag(tmp_path) / "bag_0.db3")) as connection:
        connection.executescript(change)
    verdict = verify(tmp_path)
    assert (verdict.status, verdict.code) == ("rejected", "SCHEMA_UNKNOWN")


@pytest.mark.parametrize(
    "columns", ["timestamp, data", "id INTEGER PRIMARY KEY, topic_id, timestamp, data"]
)
def test_messages_without_names_of_topics_are_told(tmp_path: Path, columns: str) -> None:
    (tmp_path / "bag").mkdir()
    with closing(sqlite3.connect(tmp_path / "bag" / "bag_0.db3")) as connection:
        connection.execute(f"CREATE TABLE messages({columns})")
        connection.execute("INSERT INTO messages (timestamp, data) VALUES (1, x'00010000')")
        connection.commit()
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.code) == ("rejected", "TOPICS_UNNAMED")
    assert "recorded them in 2018" in verdict.sentence


def test_a_rescued_file_is_not_said_to_be_none(tmp_path: Path) -> None:
    with closing(sqlite3.connect(bag(tmp_path / "bag") / "bag_0.db3")) as connection:
        connection.executescript(
            "ALTER TABLE messages RENAME TO old; CREATE VIEW messages AS SELECT * FROM old"
        )
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("REBUILT", 10)
    assert [w.code for w in verdict.warnings] == ["FILE_DAMAGED"]


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_file_cut_off_in_transit(tmp_path: Path, part: float) -> None:
    file = bag(tmp_path, rows(5000)) / "bag_0.db3"
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * part)])
    assert verify(tmp_path).code == "FILE_DAMAGED"


def test_a_damaged_page_of_messages(tmp_path: Path) -> None:
    file = bag(tmp_path, rows(5000)) / "bag_0.db3"
    content = bytearray(file.read_bytes())
    middle = len(content) // 4096 // 2 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    file.write_bytes(content)
    assert verify(tmp_path).code == "FILE_DAMAGED"


def test_a_damaged_page_inside_a_large_message(tmp_path: Path) -> None:
    file = bag(tmp_path, [(1, START, CDR + b"\x11" * 1_000_000)]) / "bag_0.db3"
    content = bytearray(file.read_bytes())
    middle = len(content) // 4096 // 2 * 4096
    content[middle : middle + 4] = b"\x7f\xff\xff\xff"
    file.write_bytes(content)
    assert verify(tmp_path).code == "FILE_DAMAGED"
    with pytest.raises(BagError, match=r"bag_0\.db3 is damaged"):
        read(tmp_path)


def test_an_index_that_lacks_messages(tmp_path: Path) -> None:
    file = bag(tmp_path) / "bag_0.db3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'timestamp_idx'"
        ).fetchone()
        connection.execute("DELETE FROM sqlite_master WHERE name = 'timestamp_idx'")
        connection.commit()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO messages VALUES (11, 1, ?, x'00')", (START,))
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "INSERT INTO sqlite_master VALUES ('index', 'timestamp_idx', 'messages', ?, "
            "'CREATE INDEX timestamp_idx ON messages (timestamp ASC)')",
            (root,),
        )
        connection.commit()
    verdict = verify(tmp_path)
    assert (verdict.code, verdict.details["reason"]) == (
        "FILE_DAMAGED",
        "its index has 10 of 11 messages",
    )


@pytest.mark.parametrize("change", ["data = 'words'", "timestamp = 'noon'"])
def test_values_of_a_wrong_kind(tmp_path: Path, change: str) -> None:
    with closing(sqlite3.connect(bag(tmp_path) / "bag_0.db3")) as connection:
        connection.execute(f"UPDATE messages SET {change} WHERE id = 4")  # noqa: S608
        connection.commit()
    assert verify(tmp_path).code == "FILE_DAMAGED"


def test_the_second_of_two_files_is_named(tmp_path: Path) -> None:
    bag(tmp_path)
    (tmp_path / "bag_1.db3").write_bytes(b"junk")
    metadata(tmp_path, files=["bag_0.db3", "bag_1.db3"])
    assert verify(tmp_path).details["file"] == "bag_1.db3"
