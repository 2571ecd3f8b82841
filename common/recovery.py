"""Lost work: leased rows that nobody works on, although it was asked for long ago, are asked for again.

A request is lost with the process that was about to enqueue it, with the worker that carried it out, or when
a storage was away. Each app registers its tasks in `tasks.py`. Work that may kill its workers is given up by
its service, after `leases.MAX_ATTEMPTS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from common.db import leases
from common.tasks import enqueue

log = structlog.get_logger(__name__)
BATCH = 100


@dataclass(frozen=True)
class Work:
    """The rows that a task is to be enqueued for; it gets the primary key of one.

    With `hold` the request holds the row for a lease's time, where `enqueued_at` has another meaning.
    """

    task: str
    rows: Callable[[], QuerySet[Any]]
    hold: bool = False


_registered: dict[str, Work] = {}


def register(task: str, rows: Callable[[], QuerySet[Any]], *, hold: bool = False) -> None:
    """Let `recover` enqueue a task for those of `rows` that are overdue."""
    _registered[task] = Work(task, rows, hold)


def recover() -> int:
    """Enqueue tasks for lost work; one cheap query per task when there is none.

    Returns:
        How many were enqueued.
    """
    autodiscover_modules("tasks")
    return sum(_recover(work) for work in _registered.values())


def _recover(work: Work) -> int:
    overdue = work.rows().filter(leases.is_overdue())
    mark = {"lease_until": leases.end()} if work.hold else {"enqueued_at": timezone.now()}
    recovered = 0
    for pk in list(overdue.values_list("pk", flat=True)[:BATCH]):
        # Two controllers may look at once: the one whose update counts enqueues.
        if overdue.filter(pk=pk).update(**mark):
            enqueue(work.task, pk)
            log.info("work_recovered", task=work.task, row=pk)
            recovered += 1
    return recovered
