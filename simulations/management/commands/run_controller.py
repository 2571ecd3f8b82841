"""The controller: takes executions from where they are to where they should be."""

import signal
import threading
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections

from simulations.services.reconcile import reconcile
from simulations.tasks import take_up_deletions
from storage.tasks import take_up_overdue

log = structlog.get_logger(__name__)
SWEEP_PASSES = 20
"""Passes between two looks for work that a worker has left."""


class Command(BaseCommand):
    """Any number may run at once, and each may be killed at any moment."""

    help = "Run the controller until it is told to stop (SIGTERM, Ctrl-C)."

    def handle(self, *_args: Any, **_options: Any) -> None:
        halt = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: halt.set())
        passes = 0
        while not halt.is_set():
            self._one_pass(sweep=passes % SWEEP_PASSES == 0)
            passes += 1
            halt.wait(settings.CONTROLLER_INTERVAL_SECONDS)

    def _one_pass(self, *, sweep: bool) -> None:
        close_old_connections()
        try:
            reconcile()
            if sweep:
                take_up_overdue()
                take_up_deletions()
        except DatabaseError:
            # The database may be away for minutes: what is under way goes on, the next pass tries again.
            log.exception("pass_failed")
