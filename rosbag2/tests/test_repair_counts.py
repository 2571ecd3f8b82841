"""Numbers of lost messages in a repair: those that metadata.yaml promises, less those that are there."""

from pathlib import Path

import pytest

from rosbag2.checks.verdict import Verdict
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.tests.bundles import START, database, metadata, rows

TYPES = {"/odom": "nav_msgs/msg/Odometry", "/imu": "sensor_msgs/msg/Imu"}


def _repaired(folder: Path, files: list[str], *, total: int, **changes: object) -> Verdict:
    """The outcome of a bag of these files, of which those that are not there are missing."""
    topics = [(name, kind, total // 2) for name, kind in TYPES.items()]
    metadata(folder, **{"files": files, "count": total, "topics": topics} | changes)
    verdict = verify_or_repair(folder, folder / "new")
    assert verdict.status == "repaired"
    assert verdict.message_count == verdict.details["kept"]
    return verdict


def _losses(verdict: Verdict) -> list[tuple[str, str, int | None]]:
    return [(span.file, span.topic, span.messages) for span in verdict.lost]


def _by_file(counts: dict[str, int]) -> str:
    """The facts of each file, as version 5 and later have them."""
    return "  files:\n" + "".join(
        f"    - {{path: {name}, message_count: {count}}}\n" for name, count in counts.items()
    )


def test_a_missing_file_lacks_what_the_total_promises_beyond_the_others(tmp_path: Path) -> None:
    for n in (0, 2):
        database(tmp_path / f"bag_{n}.db3", rows(10, START + n * 10**9))
    verdict = _repaired(tmp_path, [f"bag_{n}.db3" for n in range(3)], total=34)
    assert (verdict.code, verdict.details["lost"]) == ("RESCUED", 14)
    assert _losses(verdict) == [("bag_1.db3", "", 14)]


def test_two_missing_files_lack_it_together(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3")
    verdict = _repaired(tmp_path, [f"bag_{n}.db3" for n in range(3)], total=34)
    assert (verdict.code, verdict.details["lost"]) == ("RESCUED", 24)
    assert _losses(verdict) == [("bag_1.db3", "", None), ("bag_2.db3", "", None)]


def test_doubled_counts_of_files_are_not_believed(tmp_path: Path) -> None:
    for n in (0, 2):
        database(tmp_path / f"bag_{n}.db3", rows(10, START + n * 10**9))
    files = [f"bag_{n}.db3" for n in range(3)]
    verdict = _repaired(tmp_path, files, total=30, more=_by_file(dict.fromkeys(files, 20)))
    assert (verdict.details["lost"], _losses(verdict)) == (10, [("bag_1.db3", "", 10)])


def test_a_doubled_count_of_the_only_file_is_not_believed(tmp_path: Path) -> None:
    file = database(tmp_path / "bag_0.db3", rows(20_000))
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size // 2)
    verdict = _repaired(tmp_path, ["bag_0.db3"], total=20_000, more=_by_file({"bag_0.db3": 40_000}))
    assert verdict.details["lost"] == 20_000 - (verdict.message_count or 0)


@pytest.mark.parametrize("total", [724, 725], ids=["one total", "topics add up to one less"])
def test_messages_that_are_promised_and_nowhere_are_lost(tmp_path: Path, total: int) -> None:
    """Nothing is damaged, but metadata names another storage, so that the bag is made anew."""
    database(tmp_path / "bag_0.db3", rows(700))
    verdict = _repaired(tmp_path, ["bag_0.db3"], total=total, storage="mcap")
    assert (verdict.code, verdict.details["lost"]) == ("RESCUED", 24)


def test_the_topic_of_what_is_nowhere_is_named(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3")
    topics = [("/odom", TYPES["/odom"], 5), ("/imu", TYPES["/imu"], 8)]
    verdict = _repaired(tmp_path, ["bag_0.db3"], total=13, topics=topics, storage="mcap")
    assert _losses(verdict) == [("bag_0.db3", "/imu", 3)]


@pytest.mark.parametrize("total", [0, 4])
def test_a_promise_of_less_than_is_there_says_nothing(tmp_path: Path, total: int) -> None:
    database(tmp_path / "bag_0.db3")
    verdict = _repaired(tmp_path, ["bag_0.db3"], total=total, storage="mcap")
    assert (verdict.code, verdict.lost) == ("REBUILT", ())
