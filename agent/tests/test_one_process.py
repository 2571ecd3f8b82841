"""Only one process per work folder; a killed one leaves no lock."""

import json
import signal

from agent.protocol import Command
from agent.tests.conftest import states, until
from agent.tests.server import FakeServer


def test_a_second_process_exits_and_changes_nothing(bag, serve, start):
    fake = FakeServer(bag, hold=True)
    server = serve(fake)
    first = start(server)
    until(lambda: "READY" in states(fake.snapshots))
    second = start(server)
    assert second.wait() == 75
    assert len(fake.registrations) == 1
    assert (first.work_dir / "lock").read_text() == f"{first.process.pid}\n"
    fake.command = Command.STOP
    assert first.wait() == 0


def test_a_killed_process_releases_the_lock(bag, serve, start):
    fake = FakeServer(bag, hold=True)
    server = serve(fake)
    first = start(server)
    until(lambda: "READY" in states(fake.snapshots))
    first.signal(signal.SIGKILL)
    first.wait()
    assert not (first.work_dir / "exit.json").exists()
    fake.hold = False
    fake.log = ""
    second = start(server)
    assert second.wait() == 0
    assert (second.exit["attempt"], second.exit["code"]) == (2, 0)
    assert fake.last.attempt == 2
    # The log of an attempt starts with the attempt, though the file holds both.
    assert json.loads(fake.log.splitlines()[0])["event"] != "running"
    assert fake.log in (second.work_dir / "unit.log").read_text()
    assert len((second.work_dir / "unit.log").read_text()) > len(fake.log)


def test_an_old_exit_report_is_removed_at_the_start(bag, serve, start, tmp_path):
    (tmp_path / "unit").mkdir()
    (tmp_path / "unit" / "exit.json").write_text('{"attempt": 1, "code": 1, "failure": "X"}')
    fake = FakeServer(bag, hold=True)
    unit = start(serve(fake))
    until(lambda: "READY" in states(fake.snapshots))
    assert not (unit.work_dir / "exit.json").exists()
