"""Tasks of workers that were killed: given back, so that another worker carries them out.

A worker says in Redis that it lives, however long its task takes. One that is silent for a lease's time,
as seen by one controller, is dead. That may be a mistake: every task may run twice, or at once.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from simulations.exceptions import RedisUnreachableError
from simulations.live import system

log = structlog.get_logger(__name__)
SAY_SECONDS = 10.0
LIVES_SECONDS = 30
MOST_WORKERS = 3
"""A task that so many workers were lost with is not given to another: it may be what kills them."""


@contextmanager
def says_that_it_lives(worker: str) -> Iterator[None]:
    """Say so from a thread, again and again while this lasts."""
    over = threading.Event()
    thread = threading.Thread(target=_say, args=(worker, over), name="lives", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _say(worker: str, over: threading.Event) -> None:
    while not over.is_set():
        with suppress(RedisUnreachableError):
            system.record_worker(worker, LIVES_SECONDS)
        over.wait(SAY_SECONDS)


class LostTasks:
    """Looks for them; remembers since when it has not heard of the worker of each."""

    def __init__(self) -> None:
        self._silent: dict[str, float] = {}

    def take_up(self) -> int:
        """Give back what dead workers had in hand; how many. While Redis is away nobody is dead."""
        held = DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING)
        tasks = {str(t.pk): t for t in held.only("pk", "worker_ids", "task_path")[:1000]}
        try:
            living = system.active_workers({_worker(each) for each in tasks.values()})
        except RedisUnreachableError:
            self._silent.clear()
            return 0
        now = time.monotonic()
        self._silent = {
            pk: self._silent.get(pk, now) for pk, t in tasks.items() if _worker(t) not in living
        }
        lost = [
            pk for pk, since in self._silent.items() if now - since > settings.TASK_LEASE_SECONDS
        ]
        return sum(_give_back(tasks[pk]) for pk in lost)


def _worker(task: "DBTaskResult[..., Any]") -> str:
    return str(task.worker_ids[-1]) if task.worker_ids else ""


def _give_back(task: "DBTaskResult[..., Any]") -> bool:
    """False: somebody else was faster, or the worker was not dead."""
    mine = DBTaskResult.objects.filter(
        pk=task.pk, status=TaskResultStatus.RUNNING, worker_ids=task.worker_ids
    )
    if len(task.worker_ids) < MOST_WORKERS:
        changed = mine.update(status=TaskResultStatus.READY, started_at=None)
        event = "lost_task_given_back"
    else:
        changed = mine.update(
            status=TaskResultStatus.FAILED,
            finished_at=timezone.now(),
            traceback="Each worker that had it was lost; it is not given to another.",
        )
        event = "lost_task_ended"
    if changed:
        log.warning(event, task=str(task.pk), path=task.task_path, workers=len(task.worker_ids))
    return bool(changed)
