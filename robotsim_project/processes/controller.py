"""The loop of the controller, which runs passes until it is stopped and survives outages."""

import threading
import time
from contextlib import suppress

import structlog
from django.conf import settings
from django.db import Error, close_old_connections

from common import recovery, tracing
from robotsim_project.health import dependencies, liveness, waiting
from robotsim_project.processes import presence
from robotsim_project.processes.backend_reports import BackendReports
from robotsim_project.processes.echoes import Echoes
from robotsim_project.processes.leftovers import Leftovers
from robotsim_project.processes.link_probes import LinkProbes
from robotsim_project.processes.lost_tasks import LostTasks
from robotsim_project.processes.sweeps import Sweeps
from simulations.exceptions import RedisUnreachableError
from simulations.live import system
from simulations.services.monitoring import history
from simulations.services.runs.reconcile import reconcile

log = structlog.get_logger(__name__)
STATISTICS_SECONDS = 20.0
"""Pause between two records of what the current hour is like."""


class Controller:
    """Bring executions from their current to their desired state."""

    def __init__(self) -> None:
        self._halt = threading.Event()
        self._wait_log = waiting.WaitLog()
        self._lost_tasks = LostTasks()
        self._leftovers = Leftovers()
        self._link_probes = LinkProbes()
        self._echoes = Echoes()
        self._sweeps = Sweeps()
        self._backend_reports = BackendReports()
        self._statistics_due = 0.0

    def stop(self) -> None:
        """Request the end of the loop; called by a signal handler."""
        self._halt.set()

    def run(self) -> None:
        """Wait for the dependencies, then run passes until stopped."""
        if not waiting.wait_until_ok(self._halt, wait_log=self._wait_log):
            return
        log.info("controller_started")
        _record_pass()
        reports = self._backend_reports.running()
        with presence.reported("controller"), self._echoes.running(), reports:
            self._run_passes()
            self._link_probes.give_back()
        log.info("controller_stops")

    def _run_passes(self) -> None:
        while not self._halt.is_set():
            self._one_pass(sweep=self._sweeps.is_due())
            self._halt.wait(settings.CONTROLLER_INTERVAL_SECONDS)

    def _one_pass(self, *, sweep: bool) -> None:
        liveness.touch()
        close_old_connections()
        try:
            with tracing.span("controller pass"):
                self._link_probes.take(lost=sweep)
                self._echoes.active = reconcile() > 0
                if sweep:
                    self._sweep()
        except Error as error:
            # The database may be unreachable for minutes: units go on, and a later pass tries again.
            self._sweeps.postpone()
            results = dependencies.check(["database", "migrations"])
            if all(result.ok for result in results.values()):
                log.warning("pass_failed", exc_info=error)
            else:
                self._wait_log.update(results)
        else:
            self._wait_log.update({})

    def _sweep(self) -> None:
        recovery.recover()
        self._lost_tasks.recover()
        self._leftovers.remove()
        if time.monotonic() >= self._statistics_due:
            self._statistics_due = time.monotonic() + STATISTICS_SECONDS
            history.record()
        _record_pass()


def _record_pass() -> None:
    with suppress(RedisUnreachableError):
        system.record_controller_pass()
