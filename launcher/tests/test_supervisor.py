"""The supervisor restarts processes and ends them in time."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher.supervisor import Supervisor

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('up', flush=True); time.sleep(600)"
)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, os.environ)
    yield supervisor
    supervisor.stop(patience=0)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_an_ended_process_is_restarted(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.add("sleeper", [sys.executable, "-c", SLEEP])
    first = child.process
    assert first is not None
    first.kill()
    first.wait()
    messages: list[str] = []

    def is_restarted() -> bool:
        messages.extend(supervisor.tick())
        return child.alive

    wait_for(is_restarted)
    assert len(messages) == 1
    assert "sleeper ended with code -9" in messages[0]
    assert str(tmp_path / "sleeper.log") in messages[0]


def test_pauses_grow_when_a_process_ends_at_once(supervisor: Supervisor) -> None:
    child = supervisor.add("hasty", [sys.executable, "-c", "raise SystemExit(3)"])
    messages: list[str] = []

    def died_thrice() -> bool:
        messages.extend(supervisor.tick())
        return len(messages) >= 3

    wait_for(died_thrice)
    assert [message.split(" in ")[1].split(" s")[0] for message in messages[:3]] == [
        "0.5",
        "1",
        "2",
    ]
    assert not child.alive


def test_output_goes_to_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add("speaker", [sys.executable, "-c", SLEEP])
    log = tmp_path / "speaker.log"
    wait_for(lambda: log.read_text() == "up\n")
    assert log.stat().st_mode & 0o777 == 0o600


def test_stop_kills_processes_that_ignore_sigterm(supervisor: Supervisor, tmp_path: Path) -> None:
    children = [
        supervisor.add("polite", [sys.executable, "-c", SLEEP]),
        supervisor.add("stubborn", [sys.executable, "-c", STUBBORN]),
    ]
    wait_for(lambda: all((tmp_path / f"{child.name}.log").read_text() for child in children))
    supervisor.stop(patience=0.5)
    codes = [child.process.returncode for child in children if child.process is not None]
    assert codes == [-15, -9]
    assert supervisor.children == ()
    assert supervisor.tick() == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")
def test_children_die_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys, time; from pathlib import Path;"
        "from launcher.supervisor import Supervisor;"
        f"supervisor = Supervisor(Path({str(tmp_path)!r}), os.environ);"
        f"child = supervisor.add('child', [sys.executable, '-c', {SLEEP!r}]);"
        "print(child.process.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as launcher:
        assert launcher.stdout is not None
        child = int(launcher.stdout.readline())
        launcher.kill()
    wait_for(lambda: has_ended(child))
