"""The worker outlives its database, gives its task back, and shows life only while a task does anything.

What a killed one held is taken over.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.tasks import send_reset
from robotsim_project.processes import worker as module
from robotsim_project.processes.worker import ResilientWorker, touch_alive_file
from rosbag2.writing.sample import make_sample
from tests.support.world import World, a_world, until


@pytest.fixture
def worker() -> ResilientWorker:
    return ResilientWorker(
        queue_names=["default"],
        interval=0.01,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id="w",
        excluded_queue_names=[],
    )


@pytest.mark.django_db(transaction=True)
def test_a_task_that_an_outage_broke_off_is_carried_out_again(
    worker: ResilientWorker, monkeypatch: pytest.MonkeyPatch, empty_redis: None
) -> None:
    task = send_reset.enqueue("nobody@example.com")
    usual, outages = (
        DBTaskResult.set_successful,
        [OperationalError("away"), OperationalError("away")],
    )

    def fails(self: DBTaskResult, value: Any) -> None:
        if outages:
            raise outages.pop()
        usual(self, value)

    monkeypatch.setattr(DBTaskResult, "set_successful", fails)
    monkeypatch.setattr(DBTaskResult, "set_failed", lambda _self, error: fails_again(error))
    worker.run()
    assert DBTaskResult.objects.get(pk=task.id).status == TaskResultStatus.SUCCESSFUL
    assert len(DBTaskResult.objects.get(pk=task.id).worker_ids) == 3


def fails_again(error: BaseException) -> None:
    """A database that is away takes no failure either."""
    raise error


@pytest.fixture
def sign(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.ALIVE_FILE = str(tmp_path / "alive")
    monkeypatch.setattr(module, "TOUCH_SECONDS", 0.01)
    return Path(settings.ALIVE_FILE)


def test_a_long_task_is_a_sign_of_life(sign: Path) -> None:
    with touch_alive_file():
        until(sign.exists)
        sign.unlink()
        until(sign.exists)


def test_a_task_that_does_nothing_for_long_is_none(
    sign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_IDLE_SECONDS", -1.0)
    stuck = threading.Event()
    monkeypatch.setattr(module.log, "error", lambda *_words, **_named: stuck.set())
    with touch_alive_file():
        assert stuck.wait(30)
        assert not sign.exists()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_world() as world:
        world.environment["TASK_LEASE_SECONDS"] = "2"
        world.start()
        yield world


@pytest.fixture
def rosbag(world: World, tmp_path: Path) -> Iterator[str]:
    """The code that finds a rosbag that awaits verification; afterwards the world is whole again."""
    make_sample(tmp_path / "bag", seconds=1)
    pk = world.python(
        "from pathlib import Path\nfrom storage.services.intake import imports\n"
        "from storage.models import Rosbag\nRosbag.objects.all().delete()\n"
        f"print(imports.import_folder(Path({str(tmp_path / 'bag')!r}), name='drive').pk)"
    )
    yield f"from storage.models import Rosbag\nbag = Rosbag.objects.get(pk={pk})\n"
    world.end_processes()
    world.redis.stop()
    world.redis.start()


@contextmanager
def storage_hangs(world: World) -> Iterator[None]:
    assert world.s3._process is not None
    os.kill(world.s3._process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(world.s3._process.pid, signal.SIGCONT)


def begin_again(world: World, rosbag: str) -> None:
    """Have a rosbag verified again, until a worker holds it."""
    again = "from storage.services.verification import verifier\nverifier.verify_again(bag)"
    world.python(rosbag + again)
    until(lambda: world.python(rosbag + "print(bag.lease_until)") != "None")


def test_a_verification_survives_its_database(world: World, rosbag: str) -> None:
    processes = [world.manage("run_worker", "--interval", "0.1"), world.manage("run_controller")]
    processes[0].until_logged("worker_started")
    processes[1].until_logged("controller_started")
    status = rosbag + "print(bag.status)"
    until(lambda: world.python(status) == "ready", lambda: processes[0].words)
    with storage_hangs(world):
        begin_again(world, rosbag)
        world.postgres.stop()
    until(lambda: "waiting" in processes[0].words and processes[0].logged("waiting"))
    world.postgres.start()
    until(lambda: world.python(status) == "ready", lambda: processes[0].words)
    assert all(each.alive for each in processes)


def test_a_verification_of_a_killed_worker_is_taken_over_without_redis(
    world: World, rosbag: str
) -> None:
    worker, controller = world.manage("run_worker"), world.manage("run_controller")
    status = rosbag + "print(bag.status)"
    until(lambda: world.python(status) == "ready", lambda: worker.words)
    with storage_hangs(world):
        begin_again(world, rosbag)
        worker.kill()
        world.redis.stop()
    heir = world.manage("run_worker", "--interval", "0.1")
    until(lambda: world.python(status) == "ready", lambda: heir.words + controller.words)
