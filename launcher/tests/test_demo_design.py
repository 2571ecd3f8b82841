"""The demo plays bundles whatever the names of their topics are, and says what it leaves out."""

from pathlib import Path
from typing import Any

import pytest

from launcher.demo_design import demo_simulation
from launcher.options import DemoOptions
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from simulations.services.runs import lifecycle
from tests.support.bags import stored_bag

TYPE = "std_msgs/msg/String"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("transport", "left_out"),
    [
        ("null", {"odom"}),
        ("ros2", {"odom", "/x/", "/*", "/imu-data", "/9lives"}),
        ("zenoh-raw", {"odom", "/x/", "/*"}),
    ],
)
def test_odd_names(tmp_path: Path, settings: Any, transport: str, left_out: set[str]) -> None:
    settings.STORAGE_DIR = tmp_path / "objects"
    names = {"/imu-data", "/9lives", "/odom", "odom", "/x/", "/*"}
    with BagWriter(tmp_path / "bag") as bag:
        for name in sorted(names):
            bag.write(bag.add_topic(Topic(name, TYPE)), 10**9, bytes([0, 1, 0, 0]))
    rosbag = stored_bag(tmp_path / "bag")
    options = DemoOptions(agents=1, transport=transport)
    endpoint = "tcp/127.0.0.1:7447" if transport == "zenoh-raw" else ""
    simulation = demo_simulation(rosbag, options, endpoint)
    assert demo_simulation(rosbag, options, endpoint) == simulation
    [stage] = lifecycle.start(simulation).plan["stages"]
    assert set(stage["left_out"]) == left_out
    assert {topic["name"] for topic in stage["topics"]} == names - left_out
    assert {topic["name"] for topic in stage["record"]} == names - left_out
