"""Damaged databases: what the pages still hold is saved, the rest is named as stretches of time."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from rosbag2.checks.verify import verify
from rosbag2.recovery.repair import repair, verify_or_repair
from rosbag2.tests.bundles import CDR, START, bag, database, metadata, read, rows
from rosbag2.tests.corpus import expected, times
from rosbag2.tests.test_journals import _killed_wal

PAGE = 4096
MANY = rows(20_000)


def _big(folder: Path, **changes: object) -> Path:
    """A bag of many pages; the answer is its data file."""
    folder.mkdir(parents=True, exist_ok=True)
    database(folder / "bag_0.db3", MANY)
    topics = [("/odom", "a/msg/B", 10_000), ("/imu", "a/msg/B", 10_000)]
    metadata(folder, **{"count": 20_000, "duration": 19_999 * 10**6, "topics": topics} | changes)
    return folder / "bag_0.db3"


def _pages_of(file: Path, name: str) -> list[int]:
    with closing(sqlite3.connect(file)) as connection:
        query = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno"
        try:
            return [number for (number,) in connection.execute(query, (name,))]
        except sqlite3.OperationalError:
            (root,) = connection.execute(
                "SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)
            ).fetchone()
            return _leaves(file.read_bytes(), root)


def _leaves(content: bytes, root: int) -> list[int]:
    page = content[(root - 1) * PAGE : root * PAGE]
    if page[0] in {0x0D, 0x0A}:
        return [root]
    cells = int.from_bytes(page[3:5], "big")
    at = [int.from_bytes(page[12 + 2 * n : 14 + 2 * n], "big") for n in range(cells)]
    children = [int.from_bytes(page[a : a + 4], "big") for a in at]
    children.append(int.from_bytes(page[8:12], "big"))
    return [leaf for child in children for leaf in _leaves(content, child)]


def _overwrite(file: Path, page: int, content: bytes = b"\xa5" * PAGE) -> None:
    with file.open("r+b") as stream:
        stream.seek((page - 1) * PAGE)
        stream.write(content)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_file_cut_off_in_transit(tmp_path: Path, part: float) -> None:
    file = _big(tmp_path / "bag")
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * part)])
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.code) == ("repaired", "RESCUED"), verdict
    result = times(read(tmp_path / "new"))
    assert verdict.message_count == len(result)
    assert len(result) > 20_000 * part * 0.8
    assert set(result) <= set(expected(MANY))
    assert sum(lost.messages or 0 for lost in verdict.lost) == 20_000 - len(result)
    assert "FILE_DAMAGED" in {warning.code for warning in verdict.warnings}


def test_a_damaged_page_becomes_a_lost_span(tmp_path: Path) -> None:
    file = _big(tmp_path / "bag")
    leaves = _pages_of(file, "messages")
    _overwrite(file, leaves[len(leaves) // 2])
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert verdict.status == "repaired"
    (lost,) = verdict.lost
    assert lost.messages is not None
    assert lost.messages == 20_000 - (verdict.message_count or 0)
    assert 0 < lost.messages < 200
    assert lost.first_ns is not None
    assert lost.last_ns is not None
    assert lost.last_ns - lost.first_ns == (lost.messages + 1) * 10**6


def test_a_damaged_inner_page_loses_no_row(tmp_path: Path) -> None:
    file = _big(tmp_path / "bag")
    with closing(sqlite3.connect(file)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'messages'"
        ).fetchone()
    _overwrite(file, root)
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.code, verdict.message_count) == ("repaired", "REBUILT", 20_000)
    assert times(read(tmp_path / "new")) == expected(MANY)


def test_a_damaged_index_loses_no_row(tmp_path: Path) -> None:
    file = _big(tmp_path / "bag")
    for leaf in _pages_of(file, "timestamp_idx"):
        _overwrite(file, leaf)
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.code, verdict.message_count) == ("repaired", "REBUILT", 20_000)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("gap", [False, True])
def test_an_index_that_leads_elsewhere_loses_no_row(
    tmp_path: Path, *, packed: bool, gap: bool
) -> None:
    pack = zstandard.ZstdCompressor().compress if packed else bytes
    messages = [(topic, time, pack(data)) for topic, time, data in rows(300)]
    file = bag(tmp_path / "bag", messages) / "bag_0.db3"
    if gap:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("DELETE FROM messages WHERE id = 100")
            connection.commit()
    kept = [row for number, row in enumerate(rows(300), 1) if number != 100 or not gap]
    assert verify(tmp_path / "bag").message_count == len(kept)
    content = file.read_bytes()
    # An index entry ends with its time and the number of its row, which 150 needs two bytes for.
    entry = (START + 149 * 10**6).to_bytes(8, "big") + (150).to_bytes(2, "big")
    assert content.count(entry) == 1
    file.write_bytes(content.replace(entry, entry[:-2] + b"\x0f\x96"))
    assert verify(tmp_path / "bag").code == "FILE_DAMAGED"
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("REBUILT", len(kept)), verdict
    assert times(read(tmp_path / "new")) == expected(kept)


def test_large_messages_over_many_pages(tmp_path: Path) -> None:
    large = [(1, START + n * 10**6, CDR + bytes([n]) * 50_000) for n in range(20)]
    file = bag(tmp_path / "bag", large) / "bag_0.db3"
    # The first overflow page of a message in the middle.
    content = file.read_bytes()
    place = content.find(bytes([10]) * 4000) // PAGE
    _overwrite(file, place + 1, b"\x7f\xff\xff\xff" + bytes(PAGE - 4))
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 19)
    result = times(read(tmp_path / "new"))
    assert [data for _, data in result] == [data for n, (_, _, data) in enumerate(large) if n != 10]
    assert [lost.messages for lost in verdict.lost] == [1]


def test_a_bad_pointer_to_a_row_loses_none(tmp_path: Path) -> None:
    file = _big(tmp_path / "bag")
    leaves = _pages_of(file, "messages")
    with file.open("r+b") as stream:
        stream.seek((leaves[3] - 1) * PAGE + 8)
        stream.write(b"\xff\xff")
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("REBUILT", 20_000), verdict


def test_the_wal_of_a_damaged_database_counts(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    _killed_wal(tmp_path / "live.db3", folder / "bag_0.db3")
    metadata(folder)
    with closing(sqlite3.connect(tmp_path / "live.db3")) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'timestamp_idx'"
        ).fetchone()
    wal = bytearray((folder / "bag_0.db3-wal").read_bytes())
    for frame in range(32, len(wal), 24 + PAGE):
        if int.from_bytes(wal[frame : frame + 4], "big") == root:
            wal[frame + 24 : frame + 40] = b"\xa5" * 16
    (folder / "bag_0.db3-wal").write_bytes(wal)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert verdict.status == "repaired" or verdict.code == "NOTHING_LEFT"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_list_of_tables_is_lost(tmp_path: Path) -> None:
    file = _big(tmp_path / "bag")
    _overwrite(file, 1, file.read_bytes()[:100] + b"\xa5" * (PAGE - 100))
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("REBUILT", 20_000), verdict
    assert times(read(tmp_path / "new")) == expected(MANY)


@pytest.mark.parametrize("counts", [(100, 200), (150, 150)])
def test_names_that_only_metadata_know(tmp_path: Path, counts: tuple[int, int]) -> None:
    messages = [(2 - (n < counts[0]), START + n * 10**6, CDR) for n in range(300)]
    file = bag(tmp_path / "bag", messages) / "bag_0.db3"
    topics = [("/odom", "a/msg/B", counts[0]), ("/imu", "a/msg/B", counts[1])]
    metadata(tmp_path / "bag", count=300, topics=topics)
    _overwrite(file, _pages_of(file, "topics")[0])
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    if counts[0] == counts[1]:
        assert verdict.code == "NOTHING_LEFT"
        assert "the names of its topics are lost" in verdict.sentence
        return
    assert (verdict.code, verdict.message_count) == ("REBUILT", 300), verdict
    assert [name for _, name, _ in read(tmp_path / "new")] == ["/odom"] * 100 + ["/imu"] * 200


def test_values_of_a_wrong_kind_are_left_out(tmp_path: Path) -> None:
    with closing(sqlite3.connect(bag(tmp_path / "bag") / "bag_0.db3")) as connection:
        connection.execute("UPDATE messages SET data = 'words' WHERE id = 4")
        connection.commit()
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 9)
    assert [lost.messages for lost in verdict.lost] == [1]


def test_a_packed_database_that_is_cut_off(tmp_path: Path) -> None:
    import zstandard  # noqa: PLC0415

    file = _big(tmp_path / "bag", files=["bag_0.db3.zstd"])
    noisy = random.Random(2)  # noqa: S311
    with closing(sqlite3.connect(file)) as connection:
        data = [(CDR + noisy.randbytes(200), n + 1) for n in range(20_000)]
        connection.executemany("UPDATE messages SET data = ? WHERE id = ?", data)
        connection.commit()
    packed = zstandard.ZstdCompressor().compress(file.read_bytes())
    file.unlink()
    (tmp_path / "bag" / "bag_0.db3.zstd").write_bytes(packed[: len(packed) * 7 // 10])
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert verdict.status == "repaired"
    assert (verdict.message_count or 0) > 10_000
    assert verdict.lost


def test_random_damage_never_raises(tmp_path: Path) -> None:
    source = bag(tmp_path / "bag", rows(3000)) / "bag_0.db3"
    whole = source.read_bytes()
    rolled = random.Random(4)  # noqa: S311
    for turn in range(40):
        content = bytearray(whole)
        for _ in range(rolled.randrange(1, 30)):
            content[rolled.randrange(len(content))] = rolled.randrange(256)
        source.write_bytes(content)
        target = tmp_path / str(turn)
        verdict = repair(tmp_path / "bag", target)
        assert verdict.status in {"repaired", "rejected"}
        if verdict.status == "repaired":
            assert len(read(target)) == verdict.message_count
        shutil.rmtree(target, ignore_errors=True)


@pytest.mark.parametrize("promised", [0, 5])
def test_metadata_with_a_lower_count_does_not_hide_a_loss(tmp_path: Path, promised: int) -> None:
    file = _big(tmp_path / "bag", count=promised, topics=[("/odom", "a/msg/B", promised)])
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size // 2 // PAGE * PAGE)
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.code, [span.messages for span in verdict.lost]) == ("RESCUED_UNCOUNTED", [None])


@pytest.mark.parametrize("lost", [bytes(16), bytes(100), b"\xa5" * 100, b"\xa5" * PAGE])
def test_a_database_that_lost_its_header(tmp_path: Path, lost: bytes) -> None:
    file = _big(tmp_path / "bag")
    with file.open("r+b") as stream:
        stream.write(lost)
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("REBUILT", 20_000), verdict
    assert times(read(tmp_path / "new")) == expected(MANY)


@pytest.mark.parametrize("content", [b"junk", bytes(100_000), bytes(range(256)) * 400])
def test_a_file_that_never_was_a_database_keeps_its_error(tmp_path: Path, content: bytes) -> None:
    (bag(tmp_path / "bag") / "bag_0.db3").write_bytes(content)
    assert verify_or_repair(tmp_path / "bag", tmp_path / "new").code == "FILE_NOT_SQLITE"


@pytest.mark.parametrize("number", [b"\x80\x17", b"\xff\x17"], ids=["lower", "higher"])
def test_a_damaged_row_number_loses_no_row(tmp_path: Path, number: bytes) -> None:
    messages = rows(300)
    file = bag(tmp_path / "bag", messages) / "bag_0.db3"
    metadata(tmp_path / "bag", count=300)
    content = file.read_bytes()
    # Length of the row, its number 151 in two bytes, then its header: five bytes, no value for the id.
    row = b"\x81\x17\x05\x00"
    assert content.count(row) == 1
    damaged = content.replace(row, number + row[2:])
    file.write_bytes(damaged)
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("REBUILT", 300), verdict
    assert times(read(tmp_path / "new")) == expected(messages)
