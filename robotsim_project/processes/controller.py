"""The loop of the controller: pass after pass until it is told to stop, whatever is away meanwhile."""

import threading
import time
from contextlib import suppress

import structlog
from django.conf import settings
from django.db import Error, close_old_connections

from common import recovery, tracing
from robotsim_project.health import dependencies, liveness, waiting
from robotsim_project.processes.lost_tasks import LostTasks
from simulations.backends import backend
from simulations.exceptions import LiveAwayError
from simulations.live import system
from simulations.services.runs.reconcile import note_leap, reconcile

log = structlog.get_logger(__name__)
SWEEP_PASSES = 20
"""Passes between two looks for work that a worker has left."""


class Controller:
    """Takes executions from where they are to where they should be."""

    def __init__(self) -> None:
        self._halt = threading.Event()
        self._teller = waiting.Teller()
        self._lost = LostTasks()

    def stop(self) -> None:
        """Ask it to end; called within a signal."""
        self._halt.set()

    def run(self) -> None:
        """Wait until all answer, pass until told to stop, and a while longer where units live here."""
        if not waiting.until_answered(self._halt, teller=self._teller):
            return
        log.info("controller_started")
        passes = 0
        while not self._halt.is_set():
            self._timed_pass(sweep=passes % SWEEP_PASSES == 0)
            passes += 1
            self._halt.wait(settings.CONTROLLER_INTERVAL_SECONDS)
        self._drain()

    def _drain(self) -> None:
        """Go on with what runs, and begin nothing, while units live that would end with this machine."""
        deadline = time.monotonic() + settings.CONTROLLER_DRAIN_SECONDS
        here = backend(settings.BACKEND)
        while (left := here.living_here()) and time.monotonic() < deadline:
            log.info("controller_drains", units=left)
            until = min(deadline, time.monotonic() + 10)
            while time.monotonic() < until and here.living_here():
                self._timed_pass(sweep=False, begin=False)
                time.sleep(settings.CONTROLLER_INTERVAL_SECONDS)
        log.info("controller_stops", units_left=left)

    def _timed_pass(self, *, sweep: bool, begin: bool = True) -> None:
        began = time.time()
        liveness.touch()
        self._one_pass(sweep=sweep, begin=begin)
        note_leap(time.time() - began)

    def _one_pass(self, *, sweep: bool, begin: bool) -> None:
        close_old_connections()
        try:
            with tracing.span("controller pass"):
                reconcile(begin=begin)
                if sweep:
                    self._sweep()
        except Error as error:
            # The database may be away for minutes: what is under way goes on, a later pass tries again.
            found = dependencies.look(["database", "migrations"])
            if all(each.answers for each in found.values()):
                log.warning("pass_failed", exc_info=error)
            else:
                self._teller.tell(found)
        else:
            self._teller.tell({})

    def _sweep(self) -> None:
        recovery.recover()
        self._lost.take_up()
        with suppress(LiveAwayError):
            system.controller_passed()
