"""The sample bag: the same bytes each time, sound, and readable by others."""

from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader

from rosbag2.checks.index import index_bag
from rosbag2.checks.verify import verify
from rosbag2.reading.reader import BagReader
from rosbag2.writing.sample import make_sample


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for place, seed in (("a", 7), ("b", 7), ("c", 8)):
        make_sample(tmp_path / place / "sample", seconds=2.0, seed=seed)
    assert _bytes(tmp_path / "a" / "sample") == _bytes(tmp_path / "b" / "sample")
    assert _bytes(tmp_path / "a" / "sample") != _bytes(tmp_path / "c" / "sample")


def test_the_sample_bag_is_ready(tmp_path: Path) -> None:
    make_sample(tmp_path / "sample")
    assert verify(tmp_path / "sample").status == "ready"
    topics = {topic.name: topic for topic in index_bag(tmp_path / "sample").topics}
    rates = {name: round(topic.mean_rate_hz, 6) for name, topic in topics.items()}
    assert rates == {"/odom": 20.0, "/imu": 50.0, "/scan": 5.0}
    assert {name: t.message_count for name, t in topics.items()} == {
        "/odom": 200,
        "/imu": 500,
        "/scan": 50,
    }
    size = sum(len(content) for content in _bytes(tmp_path / "sample").values())
    assert 200_000 < size < 900_000


def test_definitions_hashes_and_qos_are_inside(tmp_path: Path) -> None:
    make_sample(tmp_path / "sample", seconds=1.0)
    with BagReader(tmp_path / "sample") as reader:
        for topic in reader.topics:
            assert topic.definition
            assert topic.type_hash.startswith("RIHS01_")
            assert "reliability" in topic.offered_qos_profiles


def test_the_robot_drives_where_its_scanner_says(tmp_path: Path) -> None:
    make_sample(tmp_path / "sample", seconds=20.0)
    places, nearest = [], []
    with AnyReader([tmp_path / "sample"]) as reader:
        for connection, _, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            if connection.topic == "/odom":
                places.append((message.pose.pose.position.x, message.pose.pose.position.y))
            elif connection.topic == "/scan":
                nearest.append(float(message.ranges.min()))
    steps = np.hypot(*np.diff(np.array(places), axis=0).T)
    assert 0.0 < steps.min() < steps.max() < 0.2
    assert np.allclose(places[0], (0.0, 0.0))
    # It never touches a wall or a pillar.
    assert min(nearest) > 0.15
