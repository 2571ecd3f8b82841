"""Recording: every message comes back, here and in the `rosbags` library."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

from rosbag2.checks.verify import verify
from rosbag2.errors import BagError
from rosbag2.formats import qos
from rosbag2.formats.metadata import Topic, read_metadata
from rosbag2.reading.reader import BagReader
from rosbag2.tests.bundles import CDR, QOS, START, read
from rosbag2.writing.sqlite_writer import BagWriter

STORE = get_typestore(Stores.ROS2_JAZZY)
PLAIN = Topic("/plain", "std_msgs/msg/String")


def _defined(name: str, kind: str = "std_msgs/msg/String") -> Topic:
    return Topic(
        name,
        kind,
        offered_qos_profiles=QOS,
        type_hash=STORE.hash_rihs01(kind),
        definition=STORE.generate_msgdef(kind, ros_version=2)[0],
        definition_encoding="ros2msg",
    )


def _theirs(folder: Path) -> list[tuple[int, str, bytes]]:
    with Reader(folder) as reader:
        return [(time, c.topic, data) for c, time, data in reader.messages()]


def test_all_messages_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "drive"
    with BagWriter(folder) as writer:
        first = writer.add_topic(_defined("/defined"))
        for number in range(50):
            writer.write(first, START + number, b"\0\1\0\0" + bytes([number]))
        second = writer.add_topic(PLAIN)
        writer.write(second, START + 7, CDR + b"later topic, earlier time")
        assert writer.message_count == 51
        assert writer.counts == {"/defined": 50, "/plain": 1}
        assert writer.stored_bytes == 50 * 5 + 29
    messages = read(folder)
    assert len(messages) == 51
    assert _theirs(folder) == messages
    assert verify(folder).status == "ready"
    assert read_metadata(folder).version == 9
    with AnyReader([folder]) as reader:
        assert len(list(reader.messages())) == 51


def test_without_any_definition(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.write(writer.add_topic(PLAIN), START, CDR)
    assert len(_theirs(tmp_path / "bag")) == 1
    with AnyReader([tmp_path / "bag"], default_typestore=STORE) as reader:
        assert len(list(reader.messages())) == 1


def test_topics_keep_their_metadata(tmp_path: Path) -> None:
    topic = _defined("/imu", "sensor_msgs/msg/Imu")
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(topic)
    with BagReader(tmp_path / "bag") as reader:
        assert reader.topics == (topic,)
    ((claimed, count),) = read_metadata(tmp_path / "bag").topics
    assert (claimed.type_hash, count) == (topic.type_hash, 0)
    assert qos.same(claimed.offered_qos_profiles, QOS)


@pytest.mark.parametrize("text", ["{", "7", "- history: 1", "[[]]", "words"])
def test_invalid_qos_and_hashes_are_left_out(tmp_path: Path, text: str) -> None:
    odd = Topic("/odd", "a/msg/B", offered_qos_profiles=text, type_hash="hash1")
    with BagWriter(tmp_path / "bag") as writer:
        writer.write(writer.add_topic(odd), START, CDR)
    assert len(_theirs(tmp_path / "bag")) == 1
    assert verify(tmp_path / "bag").status in {"ready", "ready_with_warnings"}


def test_thousands_of_topics(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        for number in range(2000):
            topic = writer.add_topic(Topic(f"/agent_{number}/odom", "nav_msgs/msg/Odometry"))
            writer.write(topic, START + number, CDR)
    assert len(read(tmp_path / "bag")) == 2000
    with Reader(tmp_path / "bag") as reader:
        assert len(reader.connections) == 2000
        assert sum(1 for _ in reader.messages()) == 2000


@pytest.mark.parametrize("name", ["/줄 바꿈\u2028", 'quo"te\\', "a: b # c", "~", "\x85\x7f", "🤖"])
def test_names_of_any_kind(tmp_path: Path, name: str) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.write(writer.add_topic(Topic(name, "std_msgs/msg/String")), START, CDR)
    assert verify(tmp_path / "bag").status in {"ready", "ready_with_warnings"}
    assert [m[1] for m in read(tmp_path / "bag")] == [m[1] for m in _theirs(tmp_path / "bag")]
    assert read_metadata(tmp_path / "bag").topics[0][0].name == name


def test_an_empty_recording(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag"):
        pass
    assert verify(tmp_path / "bag").code == "EMPTY"
    assert _theirs(tmp_path / "bag") == []


def test_a_folder_that_holds_a_bag_is_refused(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag"):
        pass
    with pytest.raises(BagError) as caught:
        BagWriter(tmp_path / "bag")
    assert caught.value.code == "BAG_EXISTS"


def test_nothing_is_lost_when_the_disk_is_full_for_a_while(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        (pages,) = writer._connection.execute("PRAGMA page_count").fetchone()
        writer._connection.execute(f"PRAGMA max_page_count = {pages}")
        topic = writer.add_topic(PLAIN)
        for number in range(100):
            writer.write(topic, START + number, bytes(500))
        with pytest.raises(BagError, match="full") as caught:
            writer.commit()
        assert caught.value.code == "WRITE_FAILED"
        writer._connection.execute("PRAGMA max_page_count = 1000000")
    assert len(read(tmp_path / "bag")) == 100
    assert _theirs(tmp_path / "bag") == read(tmp_path / "bag")


def test_messages_are_in_the_file_before_the_end(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag", commit_seconds=0.0) as writer:
        writer.write(writer.add_topic(PLAIN), START, CDR)
        with closing(sqlite3.connect(writer.file)) as connection:
            assert connection.execute("SELECT count(*) FROM messages").fetchone() == (1,)


def test_a_killed_process_leaves_a_readable_database(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
writer = BagWriter(Path({str(tmp_path / "bag")!r}))
topic = writer.add_topic(Topic("/t", "std_msgs/msg/String"))
for number in range(1000):
    writer.write(topic, {START} + number, b"data")
writer.commit()
writer.write(topic, {START} + 1000, b"not yet committed")
print("ready", flush=True)
while True:
    pass
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    with Reader(tmp_path / "bag" / "bag_0.db3") as reader:
        assert sum(1 for _ in reader.messages()) == 1000


def test_closing_twice_is_no_error(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.close()
    assert sorted(path.name for path in writer.folder.iterdir()) == ["bag_0.db3", "metadata.yaml"]
