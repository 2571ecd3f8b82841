"""MCAP files that were joined into one (`cat a.mcap b.mcap`): all are read, and what is no MCAP is named."""

from pathlib import Path

import pytest

from rosbag2.checks.verify import verify
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.tests.bundles import START, read
from rosbag2.tests.corpus import (
    DATA_END,
    FOOTER,
    MAGIC,
    Mcap,
    channel,
    expected,
    groups,
    header,
    mcap_bag,
    message,
    record,
    schema,
    times,
)

FIRST = groups(start=START + 10**9)
"""Later than the second file: what is joined need not be in the order of time."""
SECOND = groups()
ALL = [row for group in (*FIRST, *SECOND) for row in group]
TWICE = {
    "count": 80,
    "duration": 10**9 + 39 * 10**6,
    "topics": [("/odom", "nav_msgs/msg/Odometry", 40), ("/imu", "sensor_msgs/msg/Imu", 40)],
}
END = record(DATA_END, bytes(4)) + record(FOOTER, bytes(20)) + MAGIC


def other() -> bytes:
    """A file that numbers its one topic as the others number /odom."""
    names = schema(1, "std_msgs/msg/String") + channel(1, "/chatter")
    said = [message((1, START + n, b"\0\1\0\0text")) for n in range(5)]
    return MAGIC + header() + names + b"".join(said) + END


@pytest.mark.parametrize("compression", ["", "zstd", None])
@pytest.mark.parametrize("repeat", [True, False])
def test_joined_files_are_read_one_after_the_other(
    tmp_path: Path, compression: str | None, *, repeat: bool
) -> None:
    files = [Mcap(part, compression, repeat=repeat).data() for part in (FIRST, SECOND)]
    mcap_bag(tmp_path, b"".join(files), **TWICE)
    verdict = verify(tmp_path)
    assert (verdict.status, verdict.message_count) == ("ready", 80), verdict
    assert times(read(tmp_path)) == expected(ALL)


@pytest.mark.parametrize("index", [True, False])
def test_each_file_numbers_its_own_topics(tmp_path: Path, *, index: bool) -> None:
    mcap_bag(tmp_path, Mcap(FIRST, "zstd", index=index).data() + other())
    verdict = verify(tmp_path)
    assert verdict.index is not None, verdict
    topics = {topic.name: (topic.type, topic.message_count) for topic in verdict.index.topics}
    assert topics == {
        "/odom": ("nav_msgs/msg/Odometry", 20),
        "/imu": ("sensor_msgs/msg/Imu", 20),
        "/chatter": ("std_msgs/msg/String", 5),
    }
    assert [name for _, name, _ in read(tmp_path)][:5] == ["/chatter"] * 5


def test_promises_add_up(tmp_path: Path) -> None:
    mcap_bag(tmp_path, Mcap(FIRST, promised=41).data() + Mcap(SECOND).data(), **TWICE)
    (warning,) = verify(tmp_path).warnings
    assert warning.code == "SUMMARY_MISMATCH"
    assert (warning.details["listed"], warning.details["found"]) == (81, 80)


@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("rest", [bytes(4096), b"notes"])
def test_bytes_behind_the_end_are_named(tmp_path: Path, rest: bytes, *, metadata: bool) -> None:
    folder = mcap_bag(tmp_path / "bag", Mcap(groups()).data() + rest)
    if not metadata:
        (folder / "metadata.yaml").unlink()
    verdict = verify_or_repair(folder, tmp_path / "new")
    found = {warning.code: warning.details for warning in verdict.warnings}
    assert found["TRAILING_BYTES"] == {"file": "bag_0.mcap", "bytes": len(rest)}
    assert (verdict.message_count, verdict.lost) == (40, ())


def test_a_file_behind_other_bytes_is_read(tmp_path: Path) -> None:
    mcap_bag(tmp_path, Mcap(FIRST).data() + bytes(512) + Mcap(SECOND).data(), **TWICE)
    verdict = verify(tmp_path)
    assert ([w.code for w in verdict.warnings], verdict.message_count) == (["TRAILING_BYTES"], 80)


def test_a_file_behind_an_unfinished_one_is_saved(tmp_path: Path) -> None:
    broken = Mcap(FIRST).data()
    mcap_bag(tmp_path / "bag", broken[: len(broken) // 2] + other())
    verdict = verify_or_repair(tmp_path / "bag", tmp_path / "new")
    assert verdict.status == "repaired"
    saved = read(tmp_path / "new", ["/chatter"])
    assert [data for _, _, data in saved] == [b"\0\1\0\0text"] * 5


def test_damage_in_one_file_leaves_the_others(tmp_path: Path) -> None:
    broken = Mcap(FIRST, "zstd")
    content = broken.data()
    content = content.replace(broken.parts[2], broken.parts[2][:-9] + bytes(9))
    folder = mcap_bag(tmp_path / "bag", content + Mcap(SECOND).data() + other() + b"notes")
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.code, verdict.message_count) == ("RESCUED", 75)
    assert [span.messages for span in verdict.lost] == [10]
    assert "TRAILING_BYTES" in {warning.code for warning in verdict.warnings}
