"""A bag whose metadata.yaml is missing, empty or wrong is made anew from its data."""

from pathlib import Path

import pytest
from rosbags.rosbag2 import Reader

from rosbag2.formats.metadata import read_metadata
from rosbag2.recovery.repair import repair, verify_or_repair
from rosbag2.tests.bundles import QOS, SHARED, START, bag, database, metadata, read, rows
from rosbag2.tests.corpus import Mcap, expected, groups, mcap_bag, times


def test_missing_metadata(tmp_path: Path) -> None:
    folder = bag(tmp_path / "bag")
    (folder / "metadata.yaml").unlink()
    before = sorted(path.name for path in folder.iterdir())
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.status, verdict.code, verdict.message_count) == ("repaired", "REBUILT", 10)
    assert [warning.code for warning in verdict.warnings] == ["METADATA_MISSING"]
    assert times(read(tmp_path / "new")) == expected(rows())
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("content", [b"", b"rosbag2_bagfile_information:\n  version: {4", b"words"])
def test_metadata_that_is_no_metadata(tmp_path: Path, content: bytes) -> None:
    folder = bag(tmp_path / "bag")
    (folder / "metadata.yaml").write_bytes(content)
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 10)
    assert [warning.code for warning in verdict.warnings] == ["METADATA_UNREADABLE"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"storage": '""'}, "METADATA_INCOMPLETE"),
        ({"files": []}, "METADATA_INCOMPLETE"),
        ({"storage": "mcap"}, "STORAGE_MISMATCH"),
        ({"storage": "rosbag_v2"}, "STORAGE_MISMATCH"),
        ({"files": ["other.db3"]}, "FILE_MISSING"),
    ],
)
def test_claims_beyond_the_file_are_refused(
    tmp_path: Path, changes: dict[str, object], code: str
) -> None:
    folder = bag(tmp_path / "bag")
    metadata(folder, **changes)
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.status, verdict.code, verdict.message_count) == ("repaired", "REBUILT", 10)
    assert code in {warning.code for warning in verdict.warnings}
    assert verdict.lost == ()


def test_the_new_bag_is_one_that_humble_and_others_read(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    database(
        folder / "a_0.db3", topics=[(1, "/odom", "nav_msgs/Odometry"), (2, "/imu", "a/B")], qos=QOS
    )
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert verdict.status == "repaired"
    assert read_metadata(tmp_path / "new").version == 5
    text = (tmp_path / "new" / "metadata.yaml").read_text()
    assert "nav_msgs/msg/Odometry" in text
    assert "reliability: 1" in text
    with Reader(tmp_path / "new") as reader:
        assert [(time, data) for _, time, data in reader.messages()] == expected(rows())


@pytest.mark.parametrize("kind", ["db3", "mcap"])
def test_one_file_alone(tmp_path: Path, kind: str) -> None:
    if kind == "db3":
        file = database(tmp_path / "alone.db3", rows(40))
    else:
        file = tmp_path / "alone.mcap"
        file.write_bytes(Mcap(groups()).data())
    verdict = verify_or_repair(file, tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 40)
    assert times(read(tmp_path / "new")) == expected(rows(40))


def test_a_missing_file_is_a_lost_stretch(tmp_path: Path) -> None:
    for n in (0, 2):
        database(tmp_path / f"bag_{n}.db3", rows(10, START + n * 10**9))
    metadata(tmp_path, files=[f"bag_{n}.db3" for n in range(3)], count=30)
    verdict = verify_or_repair(tmp_path, tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 20)
    (lost,) = verdict.lost
    assert (lost.file, lost.first_ns, lost.last_ns) == (
        "bag_1.db3",
        START + 9 * 10**6,
        START + 2 * 10**9,
    )


def test_a_missing_file_that_metadata_describes(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3")
    facts = """  files:
    - path: bag_0.db3
      starting_time: {nanoseconds_since_epoch: 5}
      duration: {nanoseconds: 4}
      message_count: 10
    - path: bag_1.db3
      starting_time: {nanoseconds_since_epoch: 7000}
      duration: {nanoseconds: 500}
      message_count: 12
"""
    metadata(tmp_path, files=["bag_0.db3", "bag_1.db3"], more=facts)
    verdict = verify_or_repair(tmp_path, tmp_path / "new")
    (lost,) = verdict.lost
    assert (lost.first_ns, lost.last_ns, lost.messages) == (7000, 7500, 12)


def test_one_damaged_file_of_several(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3")
    (tmp_path / "bag_1.db3").write_bytes(b"junk")
    metadata(tmp_path, files=["bag_0.db3", "bag_1.db3"])
    verdict = verify_or_repair(tmp_path, tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 10)
    assert [lost.file for lost in verdict.lost] == ["bag_1.db3"]


def test_files_of_two_formats(tmp_path: Path) -> None:
    mcap_bag(tmp_path, Mcap(groups()).data(), files=["bag_0.mcap", "bag_1.db3"])
    database(tmp_path / "bag_1.db3", rows(5, START + 10**9))
    verdict = verify_or_repair(tmp_path, tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 45)


def test_what_is_wrong_is_told_of_the_files_that_were_sent(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    twice = [(1, "/odom", "nav_msgs/msg/Odometry"), (2, "/odom", "nav_msgs/msg/Path")]
    database(folder / "a_0.db3", topics=twice)
    told = [verify_or_repair(folder, tmp_path / "new")]
    database(folder / "a_1.db3", rows(5, START + 10**9), topics=twice)
    told.append(verify_or_repair(folder, tmp_path / "again"))
    warnings = [warning for verdict in told for warning in verdict.warnings]
    files = [w.details["file"] for w in warnings if w.code == "TOPIC_AMBIGUOUS"]
    assert files == ["a_0.db3", "a_0.db3, a_1.db3"]


def test_an_absent_bag_is_rejected(tmp_path: Path) -> None:
    assert verify_or_repair(tmp_path / "nowhere", tmp_path / "new").code == "FOLDER_MISSING"


def test_an_existing_target_is_left_alone(tmp_path: Path) -> None:
    taken = bag(tmp_path / "new")
    folder = bag(tmp_path / "bag")
    (folder / "metadata.yaml").unlink()
    verdict = repair(folder, taken)
    assert (verdict.status, verdict.code) == ("rejected", "BAG_EXISTS")
    assert len(read(taken)) == 10


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared bags are not here")
def test_a_shared_bag_without_a_storage_id(tmp_path: Path) -> None:
    verdict = verify_or_repair(SHARED / "rescue-empty-storage-id", tmp_path / "new")
    assert (verdict.status, verdict.message_count) == ("repaired", 20)
