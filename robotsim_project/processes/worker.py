"""A worker of background tasks that survives outages of its database."""

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
from robotsim_project.processes import presence
from robotsim_project.processes.lost_tasks import worker_heartbeats

log = structlog.get_logger(__name__)
NEEDED = ("database", "migrations", "storage")
"""Dependencies of tasks; without Redis only nobody hears that this worker lives."""
TOUCH_SECONDS = 5.0
MAX_IDLE_SECONDS = 900.0
"""A task whose thread has used no CPU for so long counts as stuck: every network timeout is shorter."""


class ResilientWorker(Worker):
    """The library's worker, run in batches; between them it handles signals and outages of the database."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._batch_mode = self.batch
        self._halt = threading.Event()
        self._current_task: Any = None

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Finish the current task, then end; a second signal ends the process at once.

        Unlike the library's it never exits within the signal handler, which may run between the claim of a
        task and its start.
        """
        if not self.running:
            self.reset_signals()
            sys.exit(1)
        log.info("worker_stops", finishes_task=self.running_task)
        self.running = False
        self._halt.set()

    def run(self) -> None:
        """Run tasks until stopped; with `batch` until there are none, with `max_tasks` up to that many."""
        if not waiting.wait_until_ok(self._halt, NEEDED):
            return
        log.info("worker_started", worker=self.worker_id, queues=self.queue_names)
        if (
            self.startup_delay and self.interval
        ):  # so that many workers do not start at the same moment
            self._halt.wait(random.random())  # noqa: S311
        self.startup_delay, self.batch = False, True
        with presence.reported("worker"), worker_heartbeats(self.worker_id):
            self._batches()

    def _batches(self) -> None:
        while self.running:
            liveness.touch()
            finished = self._one_batch()
            if finished and (self._batch_mode or self._run_tasks == self.max_tasks):
                return
            self._halt.wait(self.interval)

    def run_task(self, db_task_result: Any) -> None:
        self._current_task = db_task_result.pk
        with touch_alive_file():
            super().run_task(db_task_result)
        self._current_task = None

    def _one_batch(self) -> bool:
        """Run tasks until there are none.

        Returns:
            False when the database became unreachable; then it is reachable again.
        """
        try:
            super().run()
        except Error as error:
            log.warning("worker_interrupted", error=str(error), task=str(self._current_task or ""))
            self._wait_for_database()
            return False
        return True

    def _wait_for_database(self) -> None:
        """Wait for the database, then release the current task; it may run twice, as all tasks may."""
        while waiting.wait_until_ok(self._halt, ["database", "migrations"]):
            connection.close()
            with suppress(Error):
                if self._current_task is not None:
                    self._release_task()
                return
            self._halt.wait(waiting.PAUSE_SECONDS)

    def _release_task(self) -> None:
        close_old_connections()
        mine = DBTaskResult.objects.filter(pk=self._current_task, status=TaskResultStatus.RUNNING)
        if mine.update(status=TaskResultStatus.READY, started_at=None):
            log.info("task_given_back", task=str(self._current_task))
        self._current_task = None


@contextmanager
def touch_alive_file() -> Iterator[None]:
    """Touch the file ALIVE_FILE while a long task runs, unless it is stuck."""
    if not settings.ALIVE_FILE:
        yield
        return
    done = threading.Event()
    clock = time.pthread_getcpuclockid(threading.get_ident())
    toucher = threading.Thread(target=_touch, args=(done, clock), name="alive", daemon=True)
    toucher.start()
    try:
        yield
    finally:
        done.set()
        toucher.join()
        liveness.touch()


def _touch(done: threading.Event, clock: int) -> None:
    worked, since = time.clock_gettime(clock), time.monotonic()
    while not done.wait(TOUCH_SECONDS):
        now = time.clock_gettime(clock)
        if now != worked:
            worked, since = now, time.monotonic()
        if time.monotonic() - since < MAX_IDLE_SECONDS:
            liveness.touch()
        else:
            log.error("task_stuck", seconds=round(time.monotonic() - since))
