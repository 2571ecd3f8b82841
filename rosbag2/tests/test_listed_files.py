"""The files that metadata.yaml lists: found inside the bag, and nowhere else."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rosbag2.checks.verify import verify
from rosbag2.tests.bundles import START, bag, database, metadata, read, rows


@pytest.mark.parametrize("listed", ["drive/bag_0.db3", "other/bag_0.db3", "./bag_0.db3"])
def test_a_folder_in_front_of_the_name(tmp_path: Path, listed: str) -> None:
    folder = bag(tmp_path / "drive")
    metadata(folder, files=[listed])
    assert verify(folder).status == "ready"
    assert len(read(folder)) == 10


def test_a_backslash_from_windows(tmp_path: Path) -> None:
    folder = bag(tmp_path / "drive")
    metadata(folder, files=["drive\\bag_0.db3"])
    assert len(read(folder)) == 10


def test_a_folder_inside_the_bag(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    database(tmp_path / "data" / "bag_0.db3")
    metadata(tmp_path, files=["data/bag_0.db3"])
    assert len(read(tmp_path)) == 10


ELSEWHERE = [
    "../{}",
    "data/../../{}",
    "/home/robot/bags/drive/{}",
    "'C:\\bags\\drive\\{}'",
    "'C:{}'",
    "'..\\{}'",
    "'\\\\server\\share\\{}'",
]


@pytest.mark.parametrize("listed", ELSEWHERE)
def test_a_path_of_another_machine_names_the_file_beside_the_list(
    tmp_path: Path, listed: str
) -> None:
    folder = bag(tmp_path / "drive")
    metadata(folder, files=[listed.format("bag_0.db3")])
    assert verify(folder).status == "ready"
    assert len(read(folder)) == 10


@pytest.mark.parametrize("listed", [*ELSEWHERE, "{}/..", "."])
def test_nothing_outside_the_bag_is_looked_at(tmp_path: Path, listed: str) -> None:
    folder = bag(tmp_path / "drive")
    shutil.copy(folder / "bag_0.db3", tmp_path / "outside.db3")
    metadata(folder, files=[listed.format("outside.db3")])
    verdict = verify(folder)
    assert (verdict.status, verdict.code) == ("rejected", "FILE_MISSING")


def test_a_link_that_leaves_the_bag(tmp_path: Path) -> None:
    folder = bag(tmp_path / "drive")
    (folder / "bag_0.db3").rename(tmp_path / "outside.db3")
    (folder / "bag_0.db3").symlink_to(tmp_path / "outside.db3")
    assert verify(folder).code == "PATH_UNSAFE"


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    folder = bag(tmp_path)
    metadata(folder, files=["bag_0.db3", "bag_1.db3"])
    verdict = verify(folder)
    assert (verdict.code, verdict.details) == ("FILE_MISSING", {"file": "bag_1.db3"})
    assert "bag_1.db3" in verdict.sentence


def test_a_file_listed_twice_is_replayed_once(tmp_path: Path) -> None:
    folder = bag(tmp_path)
    metadata(folder, files=["bag_0.db3", "./bag_0.db3"])
    assert len(read(folder)) == 10
    assert [warning.code for warning in verify(folder).warnings] == ["FILE_LISTED_TWICE"]


def test_an_unlisted_file_is_ignored_with_a_warning(tmp_path: Path) -> None:
    folder = bag(tmp_path)
    database(folder / "bag_1.db3", rows(5, START + 10**9))
    assert len(read(folder)) == 10
    (warning,) = verify(folder).warnings
    assert (warning.code, warning.details["file"]) == ("UNLISTED_FILE", "bag_1.db3")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"files": []}, "METADATA_INCOMPLETE"),
        ({"storage": '""'}, "METADATA_INCOMPLETE"),
        ({"storage": "mcap"}, "STORAGE_MISMATCH"),
        ({"storage": "rosbag_v2"}, "STORAGE_MISMATCH"),
        (
            {"more": "  compression_mode: MESSAGE\n  compression_format: lzma\n"},
            "COMPRESSION_UNSUPPORTED",
        ),
        ({"serialization": "protobuf"}, "SERIALIZATION_UNSUPPORTED"),
    ],
)
def test_bags_that_cannot_be_replayed_are_refused(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    folder = bag(tmp_path)
    metadata(folder, **changes)
    assert (verify(folder).status, verify(folder).code) == ("rejected", code)


def test_a_foreign_serialization_in_the_data_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(bag(tmp_path) / "bag_0.db3")) as connection:
        connection.execute("UPDATE topics SET serialization_format = 'avro'")
        connection.commit()
    assert verify(tmp_path).code == "SERIALIZATION_UNSUPPORTED"
