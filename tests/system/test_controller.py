"""Units of this machine are told from other processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from simulations.backends.base import Job, UnitState
from simulations.backends.local import LocalBackend, running_units


@contextmanager
def a_unit(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like a unit, until it is told to end."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "ROBOTSIM_WORK_DIR": str(folder)}
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    unit = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert unit.stdout is not None
        unit.stdout.readline()  # before, its environment is still that of the test
        yield unit
    finally:
        unit.kill()
        unit.wait()


@pytest.fixture
def stale(settings: object, tmp_path: Path) -> tuple[Job, Path]:
    """A unit whose claim names a process id of before the machine or pod started anew."""
    settings.DATA_DIR = tmp_path
    job = Job(execution=1, stage_run=1, units=1, retries=0, token="t", server="s")  # noqa: S106
    folder = tmp_path / "units" / job.name / "unit-0"
    folder.mkdir(parents=True)
    return job, folder


def test_a_process_that_got_the_number_of_a_unit_is_not_taken_for_it(
    stale: tuple[Job, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROBOTSIM_WORK_DIR", raising=False)
    job, folder = stale
    (folder / "attempt-1").write_text(str(os.getpid()))
    (folder / "lock").write_text(str(os.getpid()))
    backend = LocalBackend()
    assert backend.observe(job, retry=False)[0].state is UnitState.FAILED
    backend.kill(job, [0])  # would end this test


def test_a_unit_of_its_folder_is_alive(stale: tuple[Job, Path]) -> None:
    job, folder = stale
    with a_unit(folder) as unit:
        (folder / "attempt-1").write_text(str(unit.pid))
        assert LocalBackend().observe(job, retry=False)[0].state is UnitState.ALIVE
        assert [each.pid for each in running_units(folder.parents[2])] == [unit.pid]
    assert not running_units(folder.parents[2])


def test_a_unit_that_was_just_launched_is_alive(
    stale: tuple[Job, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel shows the environment of a new process only after a moment."""
    job, _folder = stale
    environ, hidden = psutil.Process.environ, iter([True] * 3)
    monkeypatch.setattr(
        psutil.Process, "environ", lambda self: {} if next(hidden, False) else environ(self)
    )
    backend = LocalBackend()
    backend.launch(job)
    assert backend.observe(job, retry=False)[0].state is UnitState.ALIVE
    backend.kill(job, [0])


def test_a_unit_that_another_controller_launches_meanwhile_is_alive(
    stale: tuple[Job, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process id is written just after this controller has looked for it."""
    job, folder = stale
    claim = folder / "attempt-1"
    claim.touch()

    def look(_backend: LocalBackend, _folder: Path) -> list[int]:
        claim.write_text("999999999")
        return []

    monkeypatch.setattr(LocalBackend, "_processes", look)
    assert LocalBackend().observe(job, retry=False)[0].state is UnitState.ALIVE


def test_the_end_of_the_attempt_before_is_not_that_of_one_being_launched(
    stale: tuple[Job, Path],
) -> None:
    """Another controller has claimed the attempt, and not yet removed what the one before has left."""
    job, folder = stale
    (folder / "attempt-1").write_text("999999999")
    (folder / "attempt-2").touch()
    (folder / "exit.json").write_text('{"code": 1, "failure": "AGENT_CRASHED"}')
    unit = LocalBackend().observe(job, retry=True)[0]
    assert (unit.state, unit.attempts) == (UnitState.ALIVE, 2)
