"""The thread of a controller that reports the backend, where only controllers may use it."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
from django.conf import settings
from django.utils import timezone

from simulations.backends import backend
from simulations.backends.base import Backend, Capacity
from simulations.exceptions import BackendError, RedisUnreachableError
from simulations.live import system
from simulations.services.runs import backend_states
from simulations.services.runs.backend_states import BackendState

log = structlog.get_logger(__name__)
REPORT_SECONDS = 5.0
CAPACITY_SECONDS = 30.0
"""Pause between two looks at the room for units: nodes and all their pods may be many."""


class BackendReports:
    """Reports how this controller sees the backend; remembers since when it is hindered."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._since: float | None = None
        self._capacity: Capacity | None = None
        self._capacity_due = 0.0
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Report from a thread until the context ends."""
        thread = threading.Thread(target=self._run, name="backend-reports", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            with suppress(RedisUnreachableError):
                system.remove_backends([self._name])

    def _run(self) -> None:
        units = backend(settings.BACKEND)
        while units.controller_only and not self._over.is_set():
            try:
                state = self.look(units)
                if not self._over.is_set():  # it may have waited for long
                    backend_states.record(self._name, state)
            except RedisUnreachableError:
                pass  # the next one will come
            except Exception:  # the thread must live as long as its controller
                log.exception("backend_not_reported")
            self._over.wait(REPORT_SECONDS)

    def look(self, units: Backend) -> BackendState:
        """Look at the backend now."""
        try:
            problem = units.problem()
            if not problem and time.monotonic() >= self._capacity_due:
                self._capacity = units.capacity()
                self._capacity_due = time.monotonic() + CAPACITY_SECONDS
        except BackendError as error:
            problem = str(error) or type(error).__name__
        now = timezone.now().timestamp()
        self._note_change(problem, now)
        capacity = None if problem else self._capacity
        return BackendState(at=now, problem=problem, problem_since=self._since, capacity=capacity)

    def _note_change(self, problem: str, now: float) -> None:
        if problem and self._since is None:
            self._since = now
            log.warning("backend_hindered", problem=problem)
        elif not problem and self._since is not None:
            self._since = None
            log.info("backend_in_step")
