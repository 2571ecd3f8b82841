"""The index: counts, rates and activity from the data."""

from pathlib import Path

import pytest

from rosbag2.checks.index import index_bag
from rosbag2.checks.statistics import BINS
from rosbag2.errors import BagError
from rosbag2.tests.bundles import CDR, START, bag, database, metadata, rows


def test_topics_counts_and_rates(tmp_path: Path) -> None:
    index = index_bag(bag(tmp_path))
    assert (index.storage_id, index.version, index.compression) == ("sqlite3", 5, "")
    assert (index.start_ns, index.end_ns) == (START, START + 9 * 10**6)
    assert (index.message_count, index.size) == (10, 200)
    odom, imu = index.topics
    assert (odom.name, odom.type) == ("/odom", "nav_msgs/msg/Odometry")
    assert (odom.message_count, odom.size) == (5, 100)
    assert (imu.first_ns, imu.last_ns) == (START + 10**6, START + 9 * 10**6)
    assert imu.mean_rate_hz == pytest.approx(500.0)


@pytest.mark.parametrize("schema", [1, 4])
def test_the_histogram_counts_every_message_once(tmp_path: Path, schema: int) -> None:
    database(tmp_path / "bag_0.db3", rows(1000, START), schema=schema)
    database(tmp_path / "bag_1.db3", rows(1000, START + 3 * 10**9), schema=schema)
    metadata(tmp_path, files=["bag_0.db3", "bag_1.db3"])
    odom, _ = index_bag(tmp_path).topics
    assert len(odom.histogram) == BINS
    assert sum(odom.histogram) == odom.message_count == 1000
    # One second of activity, two of silence, one of activity.
    assert sum(odom.histogram[:51]) == 500
    assert set(odom.histogram[52:148]) == {0}
    assert odom.histogram[-1] > 0


def test_a_wrong_clock_does_not_break_the_histogram(tmp_path: Path) -> None:
    bag(tmp_path, [(1, -(2**62), CDR), (1, 0, CDR), (2, 2**62 + 5, CDR)])
    index = index_bag(tmp_path)
    assert (index.start_ns, index.end_ns) == (-(2**62), 2**62 + 5)
    assert [sum(topic.histogram) for topic in index.topics] == [2, 1]
    assert (index.topics[0].first_ns, index.topics[0].last_ns) == (-(2**62), 0)


def test_one_message(tmp_path: Path) -> None:
    index = index_bag(bag(tmp_path, rows(1)))
    assert (index.topics[0].histogram[0], index.topics[0].mean_rate_hz) == (1, 0.0)
    assert (index.topics[1].message_count, index.topics[1].first_ns) == (0, None)


def test_a_bad_bag_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r"no metadata\.yaml"):
        index_bag(tmp_path)
