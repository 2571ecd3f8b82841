"""A worker of background tasks that waits for its database instead of dying with it."""

import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, close_old_connections, connection
from django_tasks import TaskResultStatus
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from robotsim_project.health import liveness, waiting
from robotsim_project.processes.lost_tasks import says_that_it_lives

log = structlog.get_logger(__name__)
TOUCH_SECONDS = 5.0
STUCK_SECONDS = 900.0
"""A task whose thread has done nothing at all for so long does not count as a sign of life: every wait for
a network has a shorter limit."""


class EnduringWorker(Worker):
    """The library's worker, batch after batch; between them it looks at signals and at its database."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._once = self.batch
        self._halt = threading.Event()
        self._in_hand: Any = None

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Finish the task in hand, then end; a second signal ends it at once.

        Unlike the library's it never leaves from within the signal, which may come between the claim of a
        task and its start.
        """
        if not self.running:
            self.reset_signals()
            sys.exit(1)
        log.info("worker_stops", finishes_task=self.running_task)
        self.running = False
        self._halt.set()

    def run(self) -> None:
        """Carry tasks out until told to stop; with `batch` until there are none, with `max_tasks` so many."""
        if not waiting.until_answered(self._halt):
            return
        log.info("worker_started", worker=self.worker_id, queues=self.queue_names)
        if self.startup_delay and self.interval:  # many workers do not come at the same moment
            self._halt.wait(random.random())  # noqa: S311
        self.startup_delay, self.batch = False, True
        with says_that_it_lives(self.worker_id):
            self._batches()

    def _batches(self) -> None:
        while self.running:
            liveness.touch()
            whole = self._one_batch()
            if whole and (self._once or self._run_tasks == self.max_tasks):
                return
            self._halt.wait(self.interval)

    def run_task(self, db_task_result: Any) -> None:
        self._in_hand = db_task_result.pk
        with signs_of_life():
            super().run_task(db_task_result)
        self._in_hand = None

    def _one_batch(self) -> bool:
        """Take tasks until there are none, or the database is away: then wait for it."""
        try:
            super().run()
        except Error as error:
            log.warning("worker_interrupted", error=str(error), task=str(self._in_hand or ""))
            self._wait_for_database()
            return False
        return True

    def _wait_for_database(self) -> None:
        """Wait, and give the task in hand back: nobody else holds it, and tasks may run twice."""
        while waiting.until_answered(self._halt, ["database", "migrations"]):
            connection.close()
            with suppress(Error):
                if self._in_hand is not None:
                    self._give_back()
                return
            self._halt.wait(waiting.PAUSE_SECONDS)

    def _give_back(self) -> None:
        close_old_connections()
        mine = DBTaskResult.objects.filter(pk=self._in_hand, status=TaskResultStatus.RUNNING)
        if mine.update(status=TaskResultStatus.READY, started_at=None):
            log.info("task_given_back", task=str(self._in_hand))
        self._in_hand = None


@contextmanager
def signs_of_life() -> Iterator[None]:
    """Touch the file of ALIVE_FILE while a task runs that may take long, as long as it does anything."""
    if not settings.ALIVE_FILE:
        yield
        return
    over = threading.Event()
    clock = time.pthread_getcpuclockid(threading.get_ident())
    toucher = threading.Thread(target=_touch, args=(over, clock), name="alive", daemon=True)
    toucher.start()
    try:
        yield
    finally:
        over.set()
        toucher.join()
        liveness.touch()


def _touch(over: threading.Event, clock: int) -> None:
    worked, since = time.clock_gettime(clock), time.monotonic()
    while not over.wait(TOUCH_SECONDS):
        now = time.clock_gettime(clock)
        if now != worked:
            worked, since = now, time.monotonic()
        if time.monotonic() - since < STUCK_SECONDS:
            liveness.touch()
        else:
            log.error("task_stuck", seconds=round(time.monotonic() - since))
