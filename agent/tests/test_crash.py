"""Crashes inside a unit: it reports them, keeps its recordings, and ends."""

import os
import subprocess
import sys

from agent.tests.conftest import ROOT
from agent.tests.server import FakeServer


def test_a_crash_of_the_recorder_fails_the_unit(bag, serve, start, tmp_path):
    (tmp_path / "unit").mkdir()
    (tmp_path / "unit" / "recording-1").write_text("in the way")
    record = [{"name": "/odom", "type": "std_msgs/msg/String"}]
    fake = FakeServer(bag, {"record": record, "passes": 1_000_000})
    unit = start(serve(fake))
    assert unit.wait() == 1
    assert fake.last.final
    assert fake.last.agents[0].state == "FAILED"
    assert fake.last.failure.code == "AGENT_CRASHED"
    assert "recording-1" in fake.last.failure.text
    assert (fake.closed[-1].segments, fake.closed[-1].message_count) == (0, 0)
    assert unit.exit["failure"] == "AGENT_CRASHED"


def test_an_unknown_transport_fails_the_unit(bag, serve, start):
    fake = FakeServer(bag, {"link": {"transport": "carrier-pigeon"}})
    assert start(serve(fake)).wait() == 1
    assert fake.last.failure.code == "TRANSPORT_UNREACHABLE"


def test_heavy_libraries_are_imported_late():
    heavy = ("numpy", "rosbags", "zenoh", "rclpy", "django")
    script = f"import sys, agent.main; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=os.environ, capture_output=True, check=True
    )
    assert result.stdout == b"[]\n"
