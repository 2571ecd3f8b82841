"""A database with a journal beside it: what the journal holds counts, and the bag stays as it is."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rosbag2.checks.verify import verify
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.tests.bundles import START, TOPICS, bag, database, metadata, read, rows
from rosbag2.tests.fuzz.bags import COUNT, wal_bag


def _killed_wal(source: Path, target: Path) -> None:
    """The files of a recorder that was killed: most messages are still in the WAL."""
    database(source, [])
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.executemany(
            "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", rows()
        )
        connection.commit()
        for end in ("", "-wal", "-shm"):
            shutil.copy(f"{source}{end}", f"{target}{end}")


def test_messages_in_the_wal_count(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    _killed_wal(tmp_path / "live.db3", folder / "bag_0.db3")
    metadata(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    folder.chmod(0o555)
    try:
        assert [(t, d) for t, _, d in read(folder)] == [(t, d) for _, t, d in rows()]
        assert verify(folder).status == "ready"
    finally:
        folder.chmod(0o755)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_wal_counts_without_its_shared_memory(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    _killed_wal(tmp_path / "live.db3", folder / "bag_0.db3")
    (folder / "bag_0.db3-shm").unlink()
    metadata(folder)
    assert len(read(folder)) == 10


def test_an_empty_wal_is_nothing(tmp_path: Path) -> None:
    folder = bag(tmp_path)
    (folder / "bag_0.db3-wal").touch()
    assert len(read(folder)) == 10
    assert sorted(path.name for path in folder.iterdir()) == [
        "bag_0.db3",
        "bag_0.db3-wal",
        "metadata.yaml",
    ]


def test_a_half_written_transaction_is_rolled_back(tmp_path: Path) -> None:
    folder = bag(tmp_path / "bag", rows(2000))
    live = tmp_path / "live.db3"
    shutil.copy(folder / "bag_0.db3", live)
    with closing(sqlite3.connect(live)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("UPDATE messages SET timestamp = 5, data = zeroblob(20)")
        shutil.copy(live, folder / "bag_0.db3")
        shutil.copy(f"{live}-journal", folder / "bag_0.db3-journal")
    before = (folder / "bag_0.db3").read_bytes()
    assert [t for t, _, _ in read(folder)] == [t for _, t, _ in rows(2000)]
    assert (folder / "bag_0.db3").read_bytes() == before


def test_signs_in_the_path(tmp_path: Path) -> None:
    folder = bag(tmp_path / "a b?mode=rw#c%20")
    database(folder / "50% of?it#.db3", rows(3, START), topics=TOPICS)
    metadata(folder, files=["'50% of?it#.db3'"])
    assert len(read(folder)) == 3


@pytest.mark.parametrize("promised", [10, 60])
def test_a_database_that_may_lack_the_end_in_its_wal(tmp_path: Path, promised: int) -> None:
    folder = bag(tmp_path / "bag")
    metadata(folder, count=promised)
    with closing(sqlite3.connect(folder / "bag_0.db3")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    absent = {"WAL_ABSENT"} if promised > 10 else set()
    assert {warning.code for warning in verify(folder).warnings} & {"WAL_ABSENT"} == absent
    (folder / "metadata.yaml").unlink()
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert [w.code for w in verdict.warnings] == ["METADATA_MISSING", "WAL_ABSENT"]
    with closing(sqlite3.connect(folder / "bag_0.db3")) as connection:
        connection.execute("DELETE FROM messages")
        connection.commit()
    assert verify_or_repair(folder, tmp_path / "none").code == "WAL_MISSING"


def test_a_database_without_its_wal_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    source = tmp_path / "live.db3"
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE topics (id, name, type)")
        shutil.copy(source, folder / "bag_0.db3")
    metadata(folder)
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.status, verdict.code) == ("rejected", "WAL_MISSING")
    assert "without bag_0.db3-wal" in verdict.sentence


@pytest.mark.parametrize("byte", [40, 32 + 24 + 100, 5], ids=["salts", "page", "header"])
def test_a_log_that_goes_on_behind_a_bad_frame(tmp_path: Path, byte: int) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    file = wal_bag(folder).file
    content = bytearray(file.read_bytes())
    content[byte] ^= 4
    file.write_bytes(content)
    assert verify(folder).code == "FILE_DAMAGED"
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("REBUILT", COUNT), verdict


def test_frames_that_are_lost_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    file = wal_bag(folder).file
    content = bytearray(file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 3 * 4120] = bytes(3 * 4120)
    file.write_bytes(content)
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert verdict.code == "RESCUED"
    assert verdict.message_count is not None
    assert verdict.message_count + sum(lost.messages or 0 for lost in verdict.lost) == COUNT


def test_frames_of_an_earlier_cycle_are_no_loss(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    wal_bag(folder, again=True)
    assert verify(folder).status == "ready"
