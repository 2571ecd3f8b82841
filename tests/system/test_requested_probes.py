"""Tests of MECs that controllers make for a server: two of them, one of which is killed meanwhile."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.world import Process, World, a_world, until

CONTROLLER = """
import os, time
from pathlib import Path
import django
django.setup()
from simulations.backends.local import LocalBackend

class Backend(LocalBackend):
    controller_only = True

    def probe(self, link, placement, seconds):
        folder = Path(os.environ["PROBING"])
        (folder / str(os.getpid())).touch()
        while not (folder / "go").exists():
            time.sleep(0.05)
        return super().probe(link, placement, seconds)

import simulations.backends.local
simulations.backends.local.LocalBackend = Backend
from django.core.management import call_command
call_command("run_controller")
"""
"""A controller whose backend is its own, and makes tests when it may."""
REQUEST = (
    "from simulations.services.designs import mecs, probe_requests\n"
    "mec = mecs.ensure('site', name='Site', transport='null')\n"
    "print(probe_requests.request(mec, None).pk)"
)
RESULT = (
    "from simulations.models import LinkProbe, Mec\n"
    "row = LinkProbe.objects.get(pk={pk})\n"
    "print(bool(row.result and Mec.objects.get().last_test))"
)


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as world:
        world.start()
        yield world


def controller(world: World, probing: Path) -> Process:
    extra = {"PROBING": str(probing), "DJANGO_SETTINGS_MODULE": "robotsim_project.settings"}
    log = world.folder / f"controller-{len(world.processes)}.log"
    process = Process(["-c", CONTROLLER], world.environment | extra, log)
    world.processes.append(process)
    process.until_logged("controller_started")
    return process


def test_another_controller_makes_the_test_of_a_killed_one(world: World, tmp_path: Path) -> None:
    world.environment["TASK_LEASE_SECONDS"] = "1"
    controllers = {one.popen.pid: one for one in (controller(world, tmp_path) for _ in range(2))}
    pk = world.python(REQUEST)

    def probing() -> set[int]:
        return {int(name) for name in os.listdir(tmp_path) if name.isdigit()}

    (first,) = until(probing)
    controllers[first].kill()
    until(lambda: len(probing()) == 2)
    assert probing() == set(controllers)
    (tmp_path / "go").touch()
    until(lambda: world.python(RESULT.format(pk=pk)) == "True")


def test_a_controller_that_ends_gives_its_test_back(world: World, tmp_path: Path) -> None:
    world.environment["TASK_LEASE_SECONDS"] = "3600"  # the next one need not wait for its end
    first = controller(world, tmp_path)
    pk = world.python(REQUEST)
    until(lambda: list(tmp_path.iterdir()))
    first.terminate()
    assert first.wait() == 0
    (tmp_path / "go").touch()
    controller(world, tmp_path)
    until(lambda: world.python(RESULT.format(pk=pk)) == "True")
