"""Fixtures of real units: `python -m agent` with a fake server."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.protocol import Snapshot
from agent.tests.server import FakeServer, Running
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter

ROOT = Path(__file__).resolve().parents[2]
ODOM = Topic("/odom", "std_msgs/msg/String")
IMU = Topic("/imu", "std_msgs/msg/Int32")
CHATTER = b"\x00\x01\x00\x00\x06\x00\x00\x00hello\x00\x00\x00"
STEP_NS = 20_000_000
MESSAGES = 30


def write_bag(folder: Path, stamps: list[int], topics: tuple[Topic, ...] = (ODOM, IMU)) -> Path:
    """Write a bag whose messages alternate over the topics."""
    with BagWriter(folder) as writer:
        ids = [writer.add_topic(topic) for topic in topics]
        for number, stamp in enumerate(stamps):
            writer.write(ids[number % len(ids)], stamp, CHATTER + number.to_bytes(4, "little"))
    return folder


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """30 messages over two topics in 0.58 s."""
    start = 1_700_000_000_000_000_000
    return write_bag(tmp_path / "bag", [start + i * STEP_NS for i in range(MESSAGES)])


class UnitProcess:
    """A unit as the local backend would start it."""

    def __init__(self, url: str, work_dir: Path) -> None:
        self.work_dir = work_dir
        environment = os.environ | {
            "ROBOTSIM_SERVER": url,
            "ROBOTSIM_TOKEN": "secret",
            "ROBOTSIM_STAGE_RUN": "3",
            "ROBOTSIM_UNIT": "0",
            "ROBOTSIM_WORK_DIR": str(work_dir),
        }
        self.process = subprocess.Popen([sys.executable, "-m", "agent"], cwd=ROOT, env=environment)

    def wait(self, seconds: float = 120) -> int:
        """Wait for its end; the time only limits a hanging test."""
        return self.process.wait(seconds)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    @property
    def exit(self) -> dict[str, object]:
        return dict(json.loads((self.work_dir / "exit.json").read_text()))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Running], UnitProcess]]:
    """Factory of units in one work folder; they are killed after the test."""
    units: list[UnitProcess] = []

    def begin(server: Running) -> UnitProcess:
        units.append(UnitProcess(server.url, tmp_path / "unit"))
        return units[-1]

    yield begin
    for unit in units:
        unit.process.kill()
        unit.process.wait()


@pytest.fixture
def serve() -> Iterator[Callable[[FakeServer], Running]]:
    running: list[Running] = []

    def begin(fake: FakeServer) -> Running:
        running.append(Running(fake))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.01)


PAUSE = {"passes": 2, "pass_gap": 3600}
"""Plan of a unit that plays once and goes on: however slow answers are, they come during the run."""


def play_until_recorded(fake: FakeServer, unit: UnitProcess, messages: int) -> None:
    """Wait until a unit has recorded so many messages, then stop it."""
    until(
        lambda: fake.snapshots and fake.last.recording and fake.last.recording.messages >= messages
    )
    fake.stop()
    assert unit.wait() == 0


def states(snapshots: list[Snapshot]) -> list[str]:
    """Return the states in the order in which they were first reported."""
    return list(dict.fromkeys(agent.state.value for shot in snapshots for agent in shot.agents))
