"""Topics that are not CDR are listed and skipped; a bag without messages to play is refused."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rosbag2.checks.verdict import Verdict
from rosbag2.checks.verify import verify
from rosbag2.recovery.repair import verify_or_repair
from rosbag2.tests.bundles import START, TOPICS, bag, metadata, rows
from rosbag2.tests.corpus import Mcap, channel, mcap_bag


def stored(folder: Path, kind: str, foreign: dict[str, str]) -> Path:
    """A bag of ten messages, five on each topic; `foreign` are serializations by topic."""
    if kind == "mcap":
        counts = [(name, type_name, 5) for _, name, type_name in TOPICS]
        changes = {"count": 10, "duration": 9 * 10**6, "topics": counts}
        return mcap_bag(folder, mcap_file(foreign), **changes)
    with closing(sqlite3.connect(bag(folder) / "bag_0.db3")) as connection:
        for name, serialization in foreign.items():
            values = (serialization, name)
            connection.execute("UPDATE topics SET serialization_format = ? WHERE name = ?", values)
        connection.commit()
    return folder


def mcap_file(foreign: dict[str, str]) -> bytes:
    content = Mcap([rows()], None).data()
    for number, name, _ in TOPICS:
        encoded = channel(number, name, encoding=foreign.get(name, "cdr"))
        content = content.replace(channel(number, name), encoded)
    return content


def topics_of(verdict: Verdict) -> dict[str, tuple[int, bool]]:
    """Messages of each topic, and whether they are played."""
    assert verdict.index is not None, verdict
    return {topic.name: (topic.message_count, topic.playable) for topic in verdict.index.topics}


@pytest.mark.parametrize("kind", ["sqlite3", "mcap"])
@pytest.mark.parametrize("serialization", ["json", "protobuf"])
def test_a_foreign_topic_is_listed_and_skipped(
    tmp_path: Path, kind: str, serialization: str
) -> None:
    verdict = verify(stored(tmp_path, kind, {"/imu": serialization}))
    (warning,) = verdict.warnings
    assert (warning.code, warning.details) == (
        "TOPIC_SKIPPED",
        {"topic": "/imu (5)", "serialization": serialization, "messages": 5},
    )
    # What can be played; all that lie in the file are what metadata.yaml promises.
    assert (verdict.status, verdict.message_count) == ("ready_with_warnings", 5)
    assert topics_of(verdict) == {"/odom": (5, True), "/imu": (5, False)}


def test_metadata_may_be_what_names_another_serialization(tmp_path: Path) -> None:
    metadata(bag(tmp_path), serialization="wrong_format")
    verdict = verify(tmp_path)
    assert (verdict.status, verdict.code) == ("rejected", "SERIALIZATION_UNSUPPORTED")
    assert verdict.details["serialization"] == "wrong_format"
    assert verdict.details["file"] == "metadata.yaml"


@pytest.mark.parametrize("kind", ["sqlite3", "mcap"])
def test_a_repair_keeps_foreign_topics(tmp_path: Path, kind: str) -> None:
    folder = stored(tmp_path / "bag", kind, {"/imu": "json"})
    (folder / "metadata.yaml").unlink()
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.code, verdict.details["kept"], verdict.message_count) == ("REBUILT", 10, 5)
    assert topics_of(verdict) == {"/odom": (5, True), "/imu": (5, False)}
    assert [warning.code for warning in verdict.warnings][-1] == "TOPIC_SKIPPED"


@pytest.mark.parametrize("kind", ["sqlite3", "mcap"])
@pytest.mark.parametrize("described", [True, False])
def test_messages_of_ros_1_are_called_so(tmp_path: Path, kind: str, *, described: bool) -> None:
    folder = stored(tmp_path / "bag", kind, {"/odom": "ros1", "/imu": "ros1"})
    if not described:
        (folder / "metadata.yaml").unlink()
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.status, verdict.code) == ("rejected", "ROS1_MESSAGES")
    assert str(verdict.details["file"]).startswith("bag_0.")
    assert "rosbags-convert" in verdict.sentence
    assert not (tmp_path / "new").exists()


EMPTY = {"count": 0, "start": START, "duration": 0, "topics": []}


@pytest.mark.parametrize("kind", ["sqlite3", "mcap"])
@pytest.mark.parametrize("described", [True, False])
def test_nothing_to_play_is_no_bag(tmp_path: Path, kind: str, *, described: bool) -> None:
    folder = tmp_path / "bag"
    if kind == "sqlite3":
        metadata(bag(folder, []), **EMPTY)
    else:
        mcap_bag(folder, Mcap([], None).data(), **EMPTY)
    if not described:
        (folder / "metadata.yaml").unlink()
    verdict = verify_or_repair(folder, tmp_path / "new")
    assert (verdict.status, verdict.code) == ("rejected", "EMPTY"), verdict
    assert not (tmp_path / "new").exists()


def test_an_empty_bag_that_promises_messages_says_so(tmp_path: Path) -> None:
    verdict = verify_or_repair(bag(tmp_path / "bag", []), tmp_path / "new")
    assert (verdict.status, verdict.code) == ("rejected", "NOTHING_LEFT")
    assert "none of the 10 messages" in verdict.sentence
