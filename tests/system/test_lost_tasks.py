"""Tasks of killed workers are run by others; a task that kills every worker is abandoned."""

from collections.abc import Iterator

import pytest
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.tasks import send_reset
from robotsim_project.processes import lost_tasks
from robotsim_project.processes.lost_tasks import LostTasks, worker_heartbeats
from simulations.exceptions import RedisUnreachableError
from simulations.live import system
from tests.support.world import World, a_world, until

pytestmark = pytest.mark.usefixtures("empty_redis")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock of seconds that tests set."""
    seconds = [1000.0]
    monkeypatch.setattr(lost_tasks.time, "monotonic", lambda: seconds[0])
    return seconds


def running_task(*workers: str) -> DBTaskResult:
    """A task that was run by these workers, and is by the last of them."""
    task = DBTaskResult.objects.get(pk=send_reset.enqueue("nobody@example.com").id)
    for worker in workers:
        task.claim(worker)
    return task


def state(task: DBTaskResult) -> str:
    task.refresh_from_db()
    return str(task.status)


@pytest.mark.django_db
def test_a_task_is_requeued_when_its_worker_was_silent_for_a_lease(clock: list[float]) -> None:
    task, lost = running_task("dead"), LostTasks()
    assert lost.recover() == 0
    clock[0] += 5
    assert lost.recover() == 0
    clock[0] += 2
    assert lost.recover() == 1
    assert state(task) == TaskResultStatus.READY
    assert lost.recover() == 0


@pytest.mark.django_db
def test_an_active_worker_keeps_its_task(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_tasks, "LIFETIME_SECONDS", 60)
    task, lost = running_task("living"), LostTasks()
    with worker_heartbeats("living"):
        until(lambda: bool(system.active_workers({"living"})))
        for _ in range(3):
            assert lost.recover() == 0
            clock[0] += 4000
    assert state(task) == TaskResultStatus.RUNNING


@pytest.mark.django_db
def test_no_worker_counts_as_dead_while_redis_is_unreachable(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, lost = running_task("silent"), LostTasks()
    lost.recover()
    clock[0] += 4000
    with monkeypatch.context() as away:
        away.setattr(system, "active_workers", refused)
        assert lost.recover() == 0
    assert lost.recover() == 0  # silence starts again: Redis may have lost its data
    assert state(task) == TaskResultStatus.RUNNING


def refused(_workers: object) -> set[str]:
    raise RedisUnreachableError("away")


@pytest.mark.django_db
def test_a_task_ends_after_three_lost_workers(clock: list[float]) -> None:
    task, lost = running_task("first", "second", "third"), LostTasks()
    lost.recover()
    clock[0] += 61
    assert lost.recover() == 1
    assert state(task) == TaskResultStatus.FAILED
    assert "was lost" in task.traceback


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as world:
        world.environment["TASK_LEASE_SECONDS"] = "1"
        world.start()
        yield world


def test_another_worker_runs_the_task_of_a_killed_one(world: World) -> None:
    task = world.python(
        "from accounts.tasks import send_reset\nfrom django_tasks_db.models import DBTaskResult\n"
        "task = send_reset.enqueue('nobody@example.com')\n"
        "DBTaskResult.objects.get(pk=task.id).claim('killed')\nprint(task.id)"
    )
    find = f"from django_tasks_db.models import DBTaskResult\nt = DBTaskResult.objects.get(pk='{task}')\n"
    killed = world.manage("run_worker", "--interval", "0.1", "--worker-id", "killed")
    killed.until_logged("worker_started")
    killed.kill()
    world.manage("run_worker", "--interval", "0.1")
    world.manage("run_controller")
    until(lambda: world.python(find + "print(t.status)") == "SUCCESSFUL")
