"""A SIGTERM that the server did not order: the recording is stored, and the unit fails."""

import json
import signal
from pathlib import Path

import pytest

from agent.protocol import Command
from agent.tests.conftest import states, until
from agent.tests.server import FakeServer

RECORD = [{"name": "/odom", "type": "std_msgs/msg/String"}]
FOREVER = {"passes": 1_000_000, "record": RECORD}


@pytest.fixture
def message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the container's termination message."""
    path = tmp_path / "termination-log"
    monkeypatch.setenv("ROBOTSIM_TERMINATION_LOG", str(path))
    return path


def published(fake: FakeServer) -> int:
    return fake.last.agents[0].published if fake.snapshots else 0


def test_it_fails_and_keeps_its_recording(bag, serve, start, message):
    fake = FakeServer(bag, FOREVER)
    unit = start(serve(fake))
    until(lambda: published(fake) > 5)
    unit.signal(signal.SIGTERM)
    assert unit.wait() == 143
    assert fake.last.final
    assert fake.last.agents[0].state == "FAILED"
    assert fake.last.failure.code == "TERMINATED"
    assert fake.recorded.total() == (fake.last.agents[0].published + 1) // 2
    assert unit.exit["failure"] == "TERMINATED"
    assert json.loads(message.read_text()) == unit.exit


def test_a_stop_that_the_server_orders_at_the_same_time_counts(bag, serve, start, message):
    fake = FakeServer(bag, FOREVER | {"heartbeat_seconds": 1.5})
    unit = start(serve(fake))
    until(lambda: published(fake) > 5)
    fake.command = Command.STOP
    unit.signal(signal.SIGTERM)
    assert unit.wait() == 0
    assert fake.last.agents[0].state == "STOPPED"
    assert json.loads(message.read_text()) == {"attempt": 1, "code": 0, "failure": "", "text": ""}


def test_a_sigterm_after_the_stop_of_the_server_changes_nothing(bag, serve, start):
    fake = FakeServer(bag, FOREVER, refuse={"put": [(503, "AWAY")] * 1000})
    unit = start(serve(fake))
    until(lambda: published(fake) > 5)
    fake.command = Command.STOP
    until(lambda: "UPLOADING" in states(fake.snapshots))
    unit.signal(signal.SIGTERM)
    fake.refuse.clear()
    assert unit.wait() == 0
    assert fake.last.agents[0].state == "STOPPED"


def test_a_unit_that_waits_for_the_start_fails_as_well(bag, serve, start):
    fake = FakeServer(bag, hold=True)
    unit = start(serve(fake))
    until(lambda: "READY" in states(fake.snapshots))
    unit.signal(signal.SIGTERM)
    assert unit.wait() == 143
    assert fake.last.failure.code == "TERMINATED"


def test_so_does_one_that_has_not_registered(bag, serve, start, message):
    fake = FakeServer(bag, refuse={"register": [(503, "AWAY")] * 1000})
    unit = start(serve(fake))
    until((unit.work_dir / "unit.log").exists)
    until(lambda: "unreachable" in (unit.work_dir / "unit.log").read_text())
    unit.signal(signal.SIGTERM)
    assert unit.wait() == 143
    assert json.loads(message.read_text())["failure"] == "TERMINATED"


def test_what_was_played_to_its_end_stays_completed(bag, serve, start):
    fake = FakeServer(bag, {"record": RECORD}, refuse={"put": [(503, "AWAY")] * 1000})
    unit = start(serve(fake))
    until(lambda: "UPLOADING" in states(fake.snapshots))
    unit.signal(signal.SIGTERM)
    fake.refuse.clear()
    assert unit.wait() == 0
    assert fake.last.agents[0].state == "COMPLETED"
