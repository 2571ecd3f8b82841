"""Every pairing of metadata version and database schema is read the same."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from rosbag2.checks.index import index_bag
from rosbag2.checks.verify import verify
from rosbag2.formats.metadata import read_metadata
from rosbag2.tests.bundles import QOS, database, metadata, read, rows


@pytest.mark.parametrize("schema", [1, 2, 3, 4])
@pytest.mark.parametrize("version", range(1, 10))
def test_messages_and_verdict(tmp_path: Path, version: int, schema: int) -> None:
    database(tmp_path / "bag_0.db3", schema=schema)
    metadata(tmp_path, version=version)
    assert [(t, d) for t, _, d in read(tmp_path)] == [(t, d) for _, t, d in rows()]
    verdict = verify(tmp_path)
    assert verdict.status == "ready", (verdict.sentence, verdict.warnings)
    assert verdict.index is not None
    assert verdict.index.version == version
    assert verdict.index.ros_distro == ("jazzy" if version >= 8 else "humble" * (schema >= 3))


def test_a_database_of_2018_names_no_serialization(tmp_path: Path) -> None:
    file = database(tmp_path / "bag_0.db3", schema=1)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE topics DROP COLUMN serialization_format")
    metadata(tmp_path, version=1)
    assert verify(tmp_path).status == "ready"
    assert [(t, d) for t, _, d in read(tmp_path)] == [(t, d) for _, t, d in rows()]


@pytest.mark.parametrize("version", [4, 8, 9])
def test_qos_in_each_notation_is_the_same(tmp_path: Path, version: int) -> None:
    database(tmp_path / "bag_0.db3", qos=QOS)
    text = QOS.replace("history: 3", "history: unknown").replace(
        "durability: 2", "durability: volatile"
    )
    shown = "|\n" + _indented(QOS) if version < 9 else "\n" + _indented(text)
    metadata(tmp_path, version=version, qos=shown)
    verdict = verify(tmp_path)
    assert (verdict.status, verdict.warnings) == ("ready", ())


def test_absent_optional_fields(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3")
    (tmp_path / "metadata.yaml").write_text(
        "rosbag2_bagfile_information:\n"
        "  storage_identifier: sqlite3\n"
        "  relative_file_paths: [bag_0.db3]\n"
    )
    assert verify(tmp_path).status == "ready"
    claims = read_metadata(tmp_path)
    assert (claims.version, claims.message_count, claims.topics) == (None, None, ())
    assert index_bag(tmp_path).message_count == 10


def test_a_newer_version_is_read_with_a_warning(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3")
    metadata(tmp_path, version=12)
    assert [warning.code for warning in verify(tmp_path).warnings] == ["VERSION_UNKNOWN"]
    assert len(read(tmp_path)) == 10


def test_names_that_look_like_numbers_or_booleans_stay_text(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3", topics=[(1, "on", "a/msg/B"), (2, "1e3", "a/msg/B")])
    metadata(tmp_path, topics=[("on", "a/msg/B", 5), ("1e3", "a/msg/B", 5)])
    assert [warning.code for warning in verify(tmp_path).warnings] == ["NAME_ODD"]
    assert Counter(name for _, name, _ in read(tmp_path)) == {"on": 5, "1e3": 5}


def _indented(text: str) -> str:
    return "".join(f"          {line}\n" for line in text.splitlines()).rstrip("\n")
