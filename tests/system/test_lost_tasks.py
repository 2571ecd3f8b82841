"""Tasks of killed workers are run by others; a task that kills every worker is abandoned."""

from collections.abc import Iterator

import pytest
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.tasks import send_reset
from robotsim_project.processes import lost_tasks
from robotsim_project.processes.lost_tasks import LostTasks, says_that_it_lives
from simulations.exceptions import RedisUnreachableError
from simulations.live import system
from tests.support.world import World, a_world, until

pytestmark = pytest.mark.usefixtures("empty_redis")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of who looks, in seconds."""
    clock = [1000.0]
    monkeypatch.setattr(lost_tasks.time, "monotonic", lambda: clock[0])
    return clock


def held(*workers: str) -> DBTaskResult:
    """A task that the last of these workers has in hand."""
    task = DBTaskResult.objects.get(pk=send_reset.enqueue("nobody@example.com").id)
    for worker in workers:
        task.claim(worker)
    return task


def state(task: DBTaskResult) -> str:
    task.refresh_from_db()
    return str(task.status)


@pytest.mark.django_db
def test_a_task_whose_worker_is_silent_for_a_lease_is_given_back(now: list[float]) -> None:
    task, look = held("dead"), LostTasks()
    assert look.take_up() == 0
    now[0] += 30
    assert look.take_up() == 0
    now[0] += 60
    assert look.take_up() == 1
    assert state(task) == TaskResultStatus.READY
    assert look.take_up() == 0


@pytest.mark.django_db
def test_a_worker_that_lives_keeps_its_task_however_long(now: list[float]) -> None:
    task, look = held("living"), LostTasks()
    with says_that_it_lives("living"):
        until(lambda: bool(system.active_workers({"living"})))
        for _ in range(3):
            assert look.take_up() == 0
            now[0] += 4000
    assert state(task) == TaskResultStatus.RUNNING


@pytest.mark.django_db
def test_while_redis_is_away_nobody_is_dead(
    now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, look = held("silent"), LostTasks()
    look.take_up()
    now[0] += 4000
    with monkeypatch.context() as away:
        away.setattr(system, "active_workers", refused)
        assert look.take_up() == 0
    assert look.take_up() == 0  # it is counted anew: a Redis that comes back has forgotten all
    assert state(task) == TaskResultStatus.RUNNING


def refused(_workers: object) -> set[str]:
    raise RedisUnreachableError("away")


@pytest.mark.django_db
def test_a_task_that_three_workers_were_lost_with_is_ended(now: list[float]) -> None:
    task, look = held("first", "second", "third"), LostTasks()
    look.take_up()
    now[0] += 61
    assert look.take_up() == 1
    assert state(task) == TaskResultStatus.FAILED
    assert "was lost" in task.traceback


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as world:
        world.environment["TASK_LEASE_SECONDS"] = "1"
        world.start()
        yield world


def test_a_mail_whose_worker_was_killed_is_sent_by_another(world: World) -> None:
    task = world.python(
        "from accounts.tasks import send_reset\nfrom django_tasks_db.models import DBTaskResult\n"
        "task = send_reset.enqueue('nobody@example.com')\n"
        "DBTaskResult.objects.get(pk=task.id).claim('killed')\nprint(task.id)"
    )
    find = f"from django_tasks_db.models import DBTaskResult\nt = DBTaskResult.objects.get(pk='{task}')\n"
    killed = world.manage("run_worker", "--interval", "0.1", "--worker-id", "killed")
    killed.until_logged("worker_started")
    killed.kill()
    # Its last word would hold for half a minute.
    world.python(
        "from simulations.live.connection import connect\n"
        "with connect() as redis: redis.delete('robotsim:live:worker:killed')"
    )
    world.manage("run_worker", "--interval", "0.1")
    world.manage("run_controller")
    until(lambda: world.python(find + "print(t.status)") == "SUCCESSFUL")
