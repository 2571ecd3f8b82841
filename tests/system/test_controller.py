"""The controller is told to end while units live on its machine; and it takes no other process for a unit."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulations.backends.base import Job, UnitState
from simulations.backends.local import LocalBackend, running_units
from tests.support.world import World, a_world, until

PENDING = """
from simulations.models import Execution, Mec
from simulations.services.designs import simulations as design
from simulations.services.runs import lifecycle
from storage.models import Rosbag, RosbagFile, RosbagTopic
from templates.services import templates
rosbag = Rosbag.objects.create(name="b", status="ready", storage_id="sqlite3", duration_ns=10**9)
RosbagFile.objects.create(rosbag=rosbag, path="metadata.yaml", size=1, sha256="0" * 64)
RosbagTopic.objects.create(rosbag=rosbag, name="/odom", type="T", message_count=10)
mec = Mec.objects.create(slug="lab", name="Lab")
stage = design.StageSpec(template=templates.create(name="t", rosbag=rosbag), agent_count=1)
simulation = design.create_simulation(name="s", pattern="sequential", mec=mec, stages=[stage])
print(lifecycle.start(simulation).pk)
"""


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as world:
        world.start()
        yield world


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


def test_it_ends_with_the_last_unit_of_its_machine_and_begins_nothing(world: World) -> None:
    data = Path(world.environment["DATA_DIR"])
    controller = world.manage("run_controller", CONTROLLER_DRAIN_SECONDS="600")
    controller.until_logged("controller_started")
    with a_unit(data / "units" / "execution-1-stage-1" / "unit-0") as unit:
        until(lambda: [each.pid for each in running_units(data)] == [unit.pid])
        controller.terminate()
        assert controller.until_logged("controller_drains")[0]["units"] == 1
        execution = world.python(PENDING)
        controller.until_logged("controller_drains", count=2)
        status = f"from simulations.models import Execution as E\nprint(E.objects.get(pk={execution}).status)"
        assert world.python(status) == "PENDING"
        assert controller.alive
    assert controller.wait() == 0, controller.words
    assert controller.logged("controller_stops")[0]["units_left"] == 0


def test_it_ends_when_the_time_is_over(world: World) -> None:
    data = Path(world.environment["DATA_DIR"])
    controller = world.manage("run_controller", CONTROLLER_DRAIN_SECONDS="1")
    controller.until_logged("controller_started")
    with a_unit(data / "units" / "execution-1-stage-1" / "unit-0"):
        controller.terminate()
        assert controller.wait() == 0, controller.words
    assert controller.logged("controller_stops")[0]["units_left"] == 1


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
        assert LocalBackend().count_local_units() == 1
    assert LocalBackend().count_local_units() == 0
