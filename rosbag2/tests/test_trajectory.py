"""Trajectories: from each type that tells positions, thinned so that their shape stays."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rosbag2.extraction.decoded_bag import EVER, DecodedBag
from rosbag2.extraction.trajectory import (
    FIX,
    TRANSFORMS,
    Track,
    TrajectoryUnsuitableError,
    simplify,
    trajectory,
)
from rosbag2.formats.metadata import Topic
from rosbag2.tests.bundles import SHARED
from rosbag2.tests.messages import encoded
from rosbag2.writing.sqlite_writer import BagWriter

PLACE = {"x": 3.0, "y": 4.0, "z": 0.5}
POSED: dict[str, dict[str, Any]] = {
    "nav_msgs/msg/Odometry": {"pose": {"pose": {"position": PLACE}}},
    "geometry_msgs/msg/Pose": {"position": PLACE},
    "geometry_msgs/msg/PoseStamped": {"pose": {"position": PLACE}},
    "geometry_msgs/msg/PoseWithCovarianceStamped": {"pose": {"pose": {"position": PLACE}}},
    "geometry_msgs/msg/PointStamped": {"point": PLACE},
    "geometry_msgs/msg/TransformStamped": {"transform": {"translation": PLACE}},
}


def bag(folder: Path, kind: str, *messages: bytes) -> DecodedBag:
    with BagWriter(folder) as writer:
        number = writer.add_topic(Topic("/where", kind))
        for at, data in enumerate(messages):
            writer.write(number, at, data)
    return DecodedBag(folder)


@pytest.mark.parametrize("kind", POSED)
def test_types_of_poses(tmp_path: Path, kind: str) -> None:
    source = bag(tmp_path / "bag", kind, encoded(kind), encoded(kind, **POSED[kind]))
    with source:
        result = trajectory(source, "/where", span=EVER, points=10)
    assert result["points"] == [[0, 0.0, 0.0, 0.0], [1, 3.0, 4.0, 0.5]]
    assert result["length"] == pytest.approx(math.sqrt(25.25))
    assert not result["geographic"]


def test_fixes_are_longitude_and_latitude_without_invalid_ones(tmp_path: Path) -> None:
    kind = FIX
    fixes = [{"longitude": 127.0, "latitude": 37.5}, {"longitude": math.nan, "latitude": math.nan}]
    with bag(tmp_path / "bag", kind, *(encoded(kind, **fix) for fix in fixes)) as source:
        result = trajectory(source, "/where", span=EVER, points=10)
    assert (result["points"], result["geographic"]) == ([[0, 127.0, 37.5, 0.0]], True)


def test_of_transforms_the_one_that_moves_farthest(tmp_path: Path) -> None:
    def moved(frame: str, child: str, x: float) -> dict[str, Any]:
        place = {"translation": {"x": x}}
        return {"header": {"frame_id": frame}, "child_frame_id": child, "transform": place}

    messages = [
        encoded(
            TRANSFORMS,
            transforms=[moved("odom", "base", float(at)), moved("base", "wheel", 0.1)],
        )
        for at in range(5)
    ]
    with bag(tmp_path / "bag", TRANSFORMS, *messages, b"\0\1\0\0\xff\xff\xff\xff") as source:
        result = trajectory(source, "/where", span=EVER, points=10)
        assert (result["frame"], result["child_frame"], result["positions"]) == ("odom", "base", 5)
        assert {item["child"] for item in result["frames"]} == {"base", "wheel"}
        wheel = trajectory(source, "/where", span=EVER, points=10, frame="wheel")
        assert wheel["positions"] == 5
        with pytest.raises(TrajectoryUnsuitableError, match="base, wheel"):
            trajectory(source, "/where", span=EVER, points=10, frame="none")


def test_simplifying_keeps_corners_and_ends() -> None:
    square = [(x, 0) for x in range(100)] + [(100, y) for y in range(100)]
    square += [(x, 100) for x in range(100, 0, -1)]
    rows = np.array([(*item, 0) for item in square], float)
    kept = simplify(rows, 4)
    assert [tuple(rows[at][:2]) for at in kept] == [(0, 0), (100, 0), (100, 100), (1, 100)]
    assert simplify(rows, 50) == kept  # nothing lies off
    assert simplify(rows[:1], 5) == [0]
    assert simplify(rows[:0], 5) == []
    assert len(simplify(np.zeros((50, 3)), 10)) == 2


def test_memory_is_bounded_however_long_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosbag2.extraction.trajectory.MAX_HELD", 100)
    track = Track("map", "base")
    for at in range(10_000):
        track.add(at, (float(at), 0.0, 0.0))
    assert track.count == 10_000
    assert len(track.times) < 100
    assert track.rows()[0][0] == track.times[0] == 0
    assert list(track.rows()[:, 0]) == list(track.times)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared bags are not here")
@pytest.mark.parametrize("topic", ["/ins/odometry", "/ins/nav_sat_fix"])
def test_a_real_vehicle(topic: str) -> None:
    with DecodedBag(SHARED / "ok-v5-humble-ins-sqlite") as source:
        result = trajectory(source, topic, span=EVER, points=50)
    assert result["positions"] > 500
    assert 2 <= len(result["points"]) <= 50


def test_a_gap_ends_the_line_and_the_rest_begins_anew(tmp_path: Path) -> None:
    kind = "geometry_msgs/msg/Point"
    straight = (encoded(kind, x=float(at)) for at in range(6))
    with bag(tmp_path / "bag", kind, *straight) as source:
        result = trajectory(source, "/where", span=EVER, points=10, gaps=[(2, 3), (5, 9)])
    assert [point[1] for point in result["points"]] == [0, 2, 3, 5]
    assert result["breaks"] == [2]
