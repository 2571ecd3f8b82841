"""Recovery of lost tasks: enqueues them again for leased rows that no worker has taken in time.

A task is lost with the process that was about to enqueue it, with its worker, or during an outage of a store.
Each app registers its tasks in `tasks.py`. Services give up rows that kill their workers, after
`leases.MAX_ATTEMPTS`.
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
    """A task, which takes a primary key, and the rows that need it.

    With `hold` enqueueing takes the lease, for models whose `enqueued_at` has another meaning.
    """

    task: str
    rows: Callable[[], QuerySet[Any]]
    hold: bool = False


_registered: dict[str, Work] = {}


def register(task: str, rows: Callable[[], QuerySet[Any]], *, hold: bool = False) -> None:
    """Have `recover` enqueue a task for overdue rows among `rows`."""
    _registered[task] = Work(task, rows, hold)


def recover() -> int:
    """Enqueue lost tasks again; one cheap query per task when there are none.

    Returns:
        The number of enqueued tasks.
    """
    autodiscover_modules("tasks")
    return sum(_recover(work) for work in _registered.values())


def _recover(work: Work) -> int:
    overdue = work.rows().filter(leases.is_overdue())
    now = timezone.now()
    enqueued = {"lease_until": now + leases.patience()} if work.hold else {"enqueued_at": now}
    recovered = 0
    for pk in list(overdue.values_list("pk", flat=True)[:BATCH]):
        # Two controllers may run at once: only the one whose update succeeds enqueues.
        if overdue.filter(pk=pk).update(**enqueued):
            enqueue(work.task, pk)
            log.info("work_recovered", task=work.task, row=pk)
            recovered += 1
    return recovered
