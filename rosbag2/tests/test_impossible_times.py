"""Bags with an impossible time: that message alone is lost and named, in both formats."""

import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from rosbag2.checks.verdict import Verdict
from rosbag2.checks.verify import verify
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.tests.bundles import START, Row, bag, database, metadata, read, rows
from rosbag2.tests.corpus import Mcap, expected, groups, mcap_bag, times

SECOND = 10**9
GOOD = [row for group in groups() for row in group]
FAR = {"at nothing": 0, "years ahead": START + 2**60, "minutes ahead": START + 2**37}
Make = Callable[[Path, list[Row]], Path]


def _sqlite(folder: Path, messages: list[Row]) -> Path:
    return bag(folder, messages)


def _chunked(folder: Path, messages: list[Row]) -> Path:
    return mcap_bag(folder, Mcap([messages]).data())


def _unchunked(folder: Path, messages: list[Row]) -> Path:
    return mcap_bag(folder, Mcap([messages], compression=None).data())


def _cut_off(folder: Path, messages: list[Row]) -> Path:
    return mcap_bag(folder, Mcap([messages], compression=None).data()[:-60])


ALL = pytest.mark.parametrize("make", [_sqlite, _chunked, _unchunked, _cut_off])


def _lost_alone(verdict: Verdict, new: Path, place: int) -> None:
    assert (verdict.status, verdict.code) == ("repaired", "RESCUED"), verdict
    assert times(read(new)) == expected(GOOD[:place] + GOOD[place + 1 :])
    (lost,) = [span for span in verdict.lost if span.messages]
    before = GOOD[place - 1][1] if place else None
    # Where nothing comes after, the end may be known from metadata.yaml.
    ends = {GOOD[place + 1][1]} if place + 1 < len(GOOD) else {None, GOOD[-1][1]}
    assert lost.topic == {1: "/odom", 2: "/imu"}[GOOD[place][0]]
    assert (lost.first_ns, lost.last_ns in ends, lost.messages) == (before, True, 1)
    (fault,) = [w for w in verdict.warnings if w.code == "TIMES_IMPOSSIBLE"]
    assert (fault.details["topic"], fault.details["messages"]) == (lost.topic, 1)
    assert str(fault.details["file"]).startswith("bag_0")


@ALL
@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("place", [1, 20, 38])
def test_one_message_between_others(tmp_path: Path, make: Make, far: str, place: int) -> None:
    messages = list(GOOD)
    messages[place] = (messages[place][0], FAR[far], messages[place][2])
    folder = make(tmp_path / "bag", messages)
    _lost_alone(verify_or_repair(folder, tmp_path / "new"), tmp_path / "new", place)


@ALL
@pytest.mark.parametrize("place", [0, 39])
def test_one_message_at_an_end(tmp_path: Path, make: Make, place: int) -> None:
    messages = list(GOOD)
    messages[place] = (messages[place][0], 0, messages[place][2])
    folder = make(tmp_path / "bag", messages)
    _lost_alone(verify_or_repair(folder, tmp_path / "new"), tmp_path / "new", place)


def _overwritten(file: Path, width: str, row: Row, time: int) -> None:
    """Change the time of a message in the bytes of a file, and nothing else."""
    content = file.read_bytes()
    code = struct.Struct(width)
    old = code.pack(*[row[1]] * (len(width) - 1)) + row[2]
    assert content.count(old) == 1
    new = code.pack(*[time] * (len(width) - 1)) + row[2]
    file.write_bytes(content.replace(old, new))


@pytest.mark.parametrize("place", [0, 20, 39])
@pytest.mark.parametrize("bit", [34, 44, 63])
def test_the_index_on_time_tells_of_a_flipped_bit(tmp_path: Path, place: int, bit: int) -> None:
    file = bag(tmp_path / "bag", GOOD) / "bag_0.db3"
    time = GOOD[place][1] ^ 1 << bit
    _overwritten(file, ">q", GOOD[place], time - 2**64 if bit == 63 else time)
    _lost_alone(verify_or_repair(tmp_path / "bag", tmp_path / "new"), tmp_path / "new", place)


@pytest.mark.parametrize("place", [0, 20, 39])
@pytest.mark.parametrize("bit", [34, 44])
def test_the_claim_of_a_chunk_tells_of_a_flipped_bit(tmp_path: Path, place: int, bit: int) -> None:
    content = Mcap([GOOD], crc=0).data()
    file = mcap_bag(tmp_path / "bag", content) / "bag_0.mcap"
    _overwritten(file, "<QQ", GOOD[place], GOOD[place][1] ^ 1 << bit)
    _lost_alone(verify_or_repair(tmp_path / "bag", tmp_path / "new"), tmp_path / "new", place)


def test_a_wrong_index_costs_no_message(tmp_path: Path) -> None:
    file = bag(tmp_path / "bag", GOOD) / "bag_0.db3"
    content = file.read_bytes()
    entry = struct.pack(">q", GOOD[20][1])
    place = content.rindex(entry)
    if content[place + 8 : place + 12] == GOOD[20][2][:4]:
        place = content.index(entry)
    file.write_bytes(
        content[:place] + struct.pack(">q", GOOD[20][1] ^ 1 << 50) + content[place + 8 :]
    )
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("REBUILT", 40)
    assert times(read(tmp_path / "new")) == expected(GOOD)


def test_a_zero_tail_is_two_losses(tmp_path: Path) -> None:
    messages = [*GOOD, *((topic, 0, data) for topic, _, data in rows(30))]
    database(tmp_path / "bag_0.db3", messages)
    metadata(tmp_path, count=70)
    verdict = verify_or_repair(tmp_path, tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("RESCUED", 40)
    found = [(span.topic, span.first_ns, span.last_ns, span.messages) for span in verdict.lost]
    assert found == [("/odom", GOOD[-1][1], None, 15), ("/imu", GOOD[-1][1], None, 15)]


def test_recordings_keep_them_with_a_warning(tmp_path: Path) -> None:
    bag(tmp_path, [(1, 0, GOOD[0][2]), *GOOD])
    verdict = verify(tmp_path)
    assert (verdict.status, verdict.message_count) == ("ready_with_warnings", 41)
    assert "TIMES_IMPOSSIBLE" in {warning.code for warning in verdict.warnings}


def test_a_clock_that_was_set_is_a_warning(tmp_path: Path) -> None:
    early = [(topic, n * SECOND, data) for n, (topic, _, data) in enumerate(rows(30))]
    bag(tmp_path / "bag", early + GOOD)
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("ready_with_warnings", 70)
    (span,) = [w for w in verdict.warnings if w.code == "SPAN_IMPLAUSIBLE"]
    assert (span.details["before_ns"], span.details["after_ns"]) == (29 * SECOND, START)


def test_a_file_without_the_index_is_judged_alike(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3", [*GOOD[:20], (1, 0, GOOD[20][2]), *GOOD[21:]], index=False)
    metadata(tmp_path)
    with closing(sqlite3.connect(tmp_path / "bag_0.db3")) as connection:
        assert not connection.execute("PRAGMA index_list(messages)").fetchall()
    _lost_alone(verify_or_repair(tmp_path, tmp_path / "new"), tmp_path / "new", 20)
