"""Something inside breaks: the unit says so, keeps what it has, and ends."""

import os
import subprocess
import sys

from agent.tests.conftest import ROOT
from agent.tests.server import FakeServer


def test_a_recorder_that_breaks_fails_the_unit_with_a_sentence(bag, serve, start, tmp_path):
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
    assert fake.offers[-1].message_count == 0
    assert unit.exit["failure"] == "AGENT_CRASHED"


def test_an_unknown_transport_fails_the_unit(bag, serve, start):
    fake = FakeServer(bag, {"link": {"transport": "carrier-pigeon"}})
    assert start(serve(fake)).wait() == 1
    assert fake.last.failure.code == "TRANSPORT_UNREACHABLE"


def test_a_unit_imports_nothing_heavy_before_it_needs_it():
    heavy = ("numpy", "rosbags", "zenoh", "django")
    script = f"import sys, agent.main; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=os.environ, capture_output=True, check=True
    )
    assert found.stdout == b"[]\n"
