"""What metadata.yaml says otherwise than the data is a warning; the data count."""

from pathlib import Path

import pytest

from rosbag2 import errors
from rosbag2.checks.verify import verify
from rosbag2.tests.bundles import QOS, START, TOPICS, bag, database, metadata, read, rows

ODOM = ("/odom", "nav_msgs/msg/Odometry", 5)
IMU = ("/imu", "sensor_msgs/msg/Imu", 5)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"count": 11}, "COUNT_MISMATCH"),
        ({"count": 0}, "COUNT_MISMATCH"),
        ({"topics": [ODOM, ("/imu", "sensor_msgs/msg/Imu", 4)]}, "COUNT_MISMATCH"),
        ({"topics": [ODOM]}, "COUNT_MISMATCH"),
        ({"topics": [ODOM, IMU, ("/gone", "std_msgs/msg/String", 3)]}, "COUNT_MISMATCH"),
        ({"start": START + 1}, "TIME_MISMATCH"),
        ({"start": 2**63 - 1}, "TIME_MISMATCH"),
        ({"duration": 0}, "TIME_MISMATCH"),
        ({"topics": [ODOM, ("/imu", "std_msgs/msg/String", 5)]}, "TYPE_MISMATCH"),
        ({"qos": "[{history: 1}]"}, "QOS_MISMATCH"),
    ],
)
def test_a_difference_is_one_warning(tmp_path: Path, changes: dict[str, object], code: str) -> None:
    metadata(bag(tmp_path), **changes)
    verdict = verify(tmp_path)
    assert verdict.status == "ready_with_warnings"
    assert [warning.code for warning in verdict.warnings] == [code]
    assert verdict.index is not None
    assert (verdict.index.message_count, verdict.index.start_ns) == (10, START)
    assert len(read(tmp_path)) == 10


PROFILE = QOS.replace("reliability: 1", "reliability: 2")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"topics": [("/odom", "nav_msgs/msg/Odometry", 6), ("/imu", "sensor_msgs/msg/Imu", 4)]},
            "promises 10 messages, the data hold 10; of /odom it promises 6, they hold 5 (topics that "
            "differ: 2);",
        ),
        ({"count": 11}, "promises 11 messages, the data hold 10; the data count."),
        (
            {"start": START + 10**9},
            "gives start 2020-09-13 12:26:41.000 UTC and duration 0.009 s, the data say "
            "2020-09-13 12:26:40.000 UTC and 0.009 s;",
        ),
        (
            {"duration": 9 * 10**6 + 1},
            "gives start 2020-09-13 12:26:40.000000000 UTC and duration 0.009000001 s, the data say "
            "2020-09-13 12:26:40.000000000 UTC and 0.009000000 s;",
        ),
        (
            {"qos": "|\n" + "".join(f"          {line}\n" for line in PROFILE.splitlines())},
            "gives topic /odom the QoS `reliability: best_effort`, the data say `reliable` (topics that "
            "differ: 2);",
        ),
        ({"qos": '"[]"'}, "the QoS `profiles: 0`, the data say `1`"),
        (
            {"more": "  compression_mode: FILE\n  compression_format: zstd\n"},
            "gives the compression mode `file`, the data have `none`;",
        ),
    ],
)
def test_a_warning_names_what_differs(
    tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    database(tmp_path / "bag_0.db3", qos=QOS)
    same = {"qos": "|\n" + "".join(f"          {line}\n" for line in QOS.splitlines())}
    metadata(tmp_path, **same | changes)
    (warning,) = verify(tmp_path).warnings
    assert sentence in errors.sentence(warning.code, warning.details)


def test_a_topic_without_messages_may_be_missing_on_either_side(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3", topics=[*TOPICS, (3, "/rosout", "rcl_interfaces/msg/Log")])
    metadata(tmp_path, topics=[ODOM, IMU, ("/parameter_events", "a/msg/B", 0)])
    assert verify(tmp_path).status == "ready"


def test_crystal_type_names_are_the_same_types(tmp_path: Path) -> None:
    metadata(bag(tmp_path), topics=[("/odom", "nav_msgs/Odometry", 5), IMU])
    assert verify(tmp_path).status == "ready"


@pytest.mark.parametrize(
    "name",
    [
        *("/a//b", "//odom", "/x/", "/", "/que?ry", "/**", "/a*b", "/imu-data", "/9lives", "/a/9"),
        *("9lives", "/a b", "/a.b", "~/x", "/{x}", "/odóm", "/a\n", "/" + "a" * 247),
    ],
)
def test_names_that_ros_does_not_allow_are_named_and_counted(tmp_path: Path, name: str) -> None:
    database(tmp_path / "bag_0.db3", topics=[*TOPICS, (3, name, "a/B"), (4, "/b-b", "a/B")])
    metadata(tmp_path, topics=[ODOM, IMU])
    [warning] = verify(tmp_path).warnings
    shown = name.replace("\n", " ")
    assert (warning.code, warning.details) == ("NAME_ODD", {"topic": shown, "topics": 2})


@pytest.mark.parametrize("name", ["/_a/b9/C", "/a__b", "odom", "odom/raw", "/" + "a" * 246])
def test_names_that_ros_allows(tmp_path: Path, name: str) -> None:
    database(tmp_path / "bag_0.db3", topics=[*TOPICS, (3, name, "a/B")])
    metadata(tmp_path, topics=[ODOM, IMU])
    assert verify(tmp_path).status == "ready"


def test_two_rows_of_one_topic_are_both_replayed(tmp_path: Path) -> None:
    same = [(1, "/odom", "nav_msgs/msg/Odometry"), (2, "/odom", "nav_msgs/msg/Path")]
    database(tmp_path / "bag_0.db3", topics=same, qos=QOS)
    metadata(tmp_path, topics=[("/odom", "nav_msgs/msg/Odometry", 10)], qos="|\n" + _indented(QOS))
    assert [name for _, name, _ in read(tmp_path, ["/odom"])] == ["/odom"] * 10
    verdict = verify(tmp_path)
    assert [warning.code for warning in verdict.warnings] == ["TOPIC_AMBIGUOUS"]
    assert verdict.index is not None
    assert [topic.message_count for topic in verdict.index.topics] == [10]


def test_messages_without_a_topic_are_counted_and_left_out(tmp_path: Path) -> None:
    messages = rows(10)
    messages[3:5] = [(77, time, data) for _, time, data in messages[3:5]]
    bag(tmp_path, messages)
    metadata(tmp_path, count=8, topics=[("/odom", "a", 4), ("/imu", "b", 4)])
    codes = {warning.code: warning.details for warning in verify(tmp_path).warnings}
    assert codes["ORPHAN_MESSAGES"] == {"file": "bag_0.db3", "found": 2}
    assert "COUNT_MISMATCH" not in codes
    assert [t for t, _, _ in read(tmp_path)] == [t for key, t, _ in messages if key != 77]


def _indented(text: str) -> str:
    return "".join(f"          {line}\n" for line in text.splitlines()).rstrip("\n")


def test_a_type_that_the_data_leave_open_is_no_difference(tmp_path: Path) -> None:
    database(tmp_path / "bag_0.db3", topics=[(1, "/odom", ""), TOPICS[1]])
    metadata(tmp_path)
    verdict = verify(tmp_path)
    assert (verdict.status, verdict.index and verdict.index.topics[0].type) == ("ready", ODOM[1])
