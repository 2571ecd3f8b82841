"""Data that are no message go nowhere: each message is judged by itself, in both formats."""

from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from rosbag2.checks.verify import verify
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.tests.bundles import CDR, Row, bag, metadata, read, rows
from rosbag2.tests.corpus import Mcap, expected, mcap_bag, times

PACKER = zstandard.ZstdCompressor()
PACKED = '  compression_format: "zstd"\n  compression_mode: "MESSAGE"\n'
Make = Callable[[Path, list[Row]], Path]


def _sqlite(folder: Path, messages: list[Row]) -> Path:
    bag(folder, messages)
    metadata(folder, more=PACKED)
    return folder


def _mcap(folder: Path, messages: list[Row]) -> Path:
    return mcap_bag(folder, Mcap([messages]).data(), count=10, more=PACKED)


BOTH = pytest.mark.parametrize("make", [_sqlite, _mcap], ids=["sqlite3", "mcap"])


def _packed(messages: list[Row]) -> list[Row]:
    return [(topic, time, PACKER.compress(data)) for topic, time, data in messages]


@BOTH
@pytest.mark.parametrize("damaged", [0, 4, 9])
@pytest.mark.parametrize("place", [0, 3, 10], ids=["magic", "magic's end", "content"])
def test_a_damaged_frame_costs_itself_alone(
    tmp_path: Path, make: Make, damaged: int, place: int
) -> None:
    messages = rows()
    stored = _packed(messages)
    topic, time, data = stored[damaged]
    broken = data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :]
    stored[damaged] = (topic, time, broken)
    folder = make(tmp_path / "bag", stored)
    del messages[damaged]
    assert times(read(folder)) == expected(messages)
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.status, verdict.code) == ("repaired", "RESCUED")
    assert times(read(tmp_path / "new")) == expected(messages)
    (lost,) = verdict.lost
    name = {1: "/odom", 2: "/imu"}[topic]
    assert (lost.topic, lost.first_ns, lost.last_ns, lost.messages) == (name, time, time, 1)
    (fault,) = [w for w in verdict.warnings if w.code == "MESSAGES_INVALID"]
    assert (fault.details["topic"], fault.details["messages"]) == (name, 1)


@BOTH
def test_packed_and_plain_messages_in_one_file(tmp_path: Path, make: Make) -> None:
    messages = rows()
    folder = make(tmp_path / "bag", messages[:5] + _packed(messages[5:]))
    assert times(read(folder)) == expected(messages)
    verdict = verify(folder)
    assert (verdict.message_count, verdict.index and verdict.index.size) == (10, 200)


@BOTH
@pytest.mark.parametrize("data", [b"", b"\0\1\0", b"\0\x05\0\0", b"\x01\1\0\0", b"text"])
def test_what_has_no_cdr_header_is_no_message(tmp_path: Path, make: Make, data: bytes) -> None:
    messages = rows()
    folder = make(tmp_path / "bag", [*messages[:9], (2, messages[9][1], data)])
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 9)
    assert times(read(tmp_path / "new")) == times(read(folder)) == expected(messages[:9])


@BOTH
@pytest.mark.parametrize(
    "header", [b"\0\0\0\0", b"\0\1\0\3", b"\0\1\1\0", b"\0\7\0\0", b"\0\x0b\0\0"]
)
def test_any_kind_of_cdr_is_a_message(tmp_path: Path, make: Make, header: bytes) -> None:
    messages = [(topic, time, header + data[4:]) for topic, time, data in rows()]
    folder = make(tmp_path / "bag", messages)
    assert times(read(folder)) == expected(messages)
    assert verify(folder).message_count == 10


def test_a_damaged_file_loses_them_too(tmp_path: Path) -> None:
    stored = _packed(rows())
    stored[3] = (*stored[3][:2], b"\xff" + stored[3][2][1:])
    content = Mcap([stored]).data()
    folder = mcap_bag(tmp_path / "bag", content[:-40], count=10)
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 9)
    assert all(data.startswith(CDR) for _, _, data in read(tmp_path / "new"))
