"""Tasks of workers that were killed: given back, so that another worker carries them out.

A worker says in Redis that it lives, however long its task takes. One that is silent for a lease's time,
as seen by one controller, is dead. That may be a mistake: every task may run twice, or at once. Rows that a
task works on need none of this, nor Redis: they are leased (`common.db.leases`).
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
HEARTBEAT_SECONDS = 1.0
LIFETIME_SECONDS = 3
MAX_WORKERS = 3
"""Workers that a task may be lost with; then it ends, as it may be what kills them."""


@contextmanager
def worker_heartbeats(worker: str) -> Iterator[None]:
    """Report a worker as active, from a thread, until the context ends."""
    over = threading.Event()
    thread = threading.Thread(
        target=_report, args=(worker, over), name="worker-heartbeats", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _report(worker: str, over: threading.Event) -> None:
    while not over.is_set():
        with suppress(RedisUnreachableError):
            system.record_worker(worker, LIFETIME_SECONDS)
        over.wait(HEARTBEAT_SECONDS)


class LostTasks:
    """Gives tasks of dead workers to others; remembers since when the worker of a task is silent."""

    def __init__(self) -> None:
        self._silent: dict[str, float] = {}

    def recover(self) -> int:
        """Return the tasks of dead workers to the queue and count them; none while Redis is unreachable."""
        held = DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING)
        tasks = {str(t.pk): t for t in held.only("pk", "worker_ids", "task_path")[:1000]}
        try:
            living = system.active_workers({_worker(task) for task in tasks.values()})
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
        return sum(_requeue(tasks[pk]) for pk in lost)


def _worker(task: "DBTaskResult[..., Any]") -> str:
    return str(task.worker_ids[-1]) if task.worker_ids else ""


def _requeue(task: "DBTaskResult[..., Any]") -> bool:
    """Return a task to the queue, or end it; False when another process was first, or its worker is alive."""
    mine = DBTaskResult.objects.filter(
        pk=task.pk, status=TaskResultStatus.RUNNING, worker_ids=task.worker_ids
    )
    if len(task.worker_ids) < MAX_WORKERS:
        changed = mine.update(status=TaskResultStatus.READY, started_at=None)
        event = "lost_task_given_back"
    else:
        changed = mine.update(
            status=TaskResultStatus.FAILED,
            finished_at=timezone.now(),
            traceback="Every worker that ran it was lost; it is not tried again.",
        )
        event = "lost_task_ended"
    if changed:
        log.warning(event, task=str(task.pk), path=task.task_path, workers=len(task.worker_ids))
    return bool(changed)
