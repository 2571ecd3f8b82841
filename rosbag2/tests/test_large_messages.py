"""Large messages: played up to the limit, in bounded memory; above it topic and size are named."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rosbag2.budget import MAX_MESSAGE
from rosbag2.checks.verify import verify
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.sandbox import checks
from rosbag2.tests.bundles import START, bag, metadata, read, rows
from rosbag2.tests.corpus import Mcap, mcap_bag

MIB = 2**20
LARGE_TIME = START + 10**9
LARGE = "/imu"
CDR = b"\0\1\0\0"
CLAIMS = {
    "count": 11,
    "duration": 10**9,
    "topics": [("/odom", "nav_msgs/msg/Odometry", 5), (LARGE, "sensor_msgs/msg/Imu", 6)],
}


def with_large(folder: Path, kind: str, size: int) -> Path:
    """A bag of ten small messages and a large one of zeros."""
    large = (2, LARGE_TIME, CDR + bytes(size - len(CDR)))
    if kind == "sqlite3":
        metadata(bag(folder), **CLAIMS)
        with closing(sqlite3.connect(folder / "bag_0.db3")) as connection:
            connection.execute("INSERT INTO messages VALUES (NULL, ?, ?, ?)", large)
            connection.commit()
        return folder
    messages = [*rows(), large]
    content = Mcap([messages], None if kind == "plain" else kind).data()
    return mcap_bag(folder, content, **CLAIMS)


@pytest.mark.parametrize("kind", ["sqlite3", "zstd", "plain"])
def test_a_message_of_200_mib_is_sound(tmp_path: Path, kind: str) -> None:
    verdict = checks.verify(with_large(tmp_path, kind, 200 * MIB))
    assert (verdict.status, verdict.message_count) == ("ready", 11), verdict
    time, name, data = read(tmp_path)[-1]
    assert (time, name, len(data)) == (LARGE_TIME, LARGE, 200 * MIB)


@pytest.mark.parametrize("kind", ["sqlite3", "zstd", "lz4", "plain"])
def test_what_is_larger_is_named_and_left_out(tmp_path: Path, kind: str) -> None:
    folder = with_large(tmp_path / "bag", kind, MAX_MESSAGE + 1)
    refused = verify(folder)
    assert (refused.code, refused.details["topic"]) == ("MESSAGE_TOO_LARGE", LARGE)
    assert (refused.details["size"], refused.details["limit"]) == (MAX_MESSAGE + 1, MAX_MESSAGE)
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("RESCUED", 10)
    (lost,) = verdict.lost
    assert (lost.topic, lost.messages, lost.first_ns) == (LARGE, 1, LARGE_TIME)
    assert [warning.code for warning in verdict.warnings] == ["MESSAGE_TOO_LARGE"]


@pytest.mark.parametrize("kind", ["zstd", "plain"])
def test_a_damaged_file_with_a_message_that_is_larger(tmp_path: Path, kind: str) -> None:
    folder = with_large(tmp_path / "bag", kind, MAX_MESSAGE + 1)
    path = folder / "bag_0.mcap"
    path.write_bytes(path.read_bytes()[:-20])
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("RESCUED", 10)
    assert [(lost.topic, lost.messages) for lost in verdict.lost] == [(LARGE, 1)]
