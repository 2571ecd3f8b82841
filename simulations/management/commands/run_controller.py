"""The controller: takes executions from where they are to where they should be."""

import signal
import threading
import time
from contextlib import suppress
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections

from simulations import live
from simulations.exceptions import LiveAwayError
from simulations.live import system
from simulations.services import spans
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
            began = time.time()
            self._one_pass(sweep=passes % SWEEP_PASSES == 0)
            passes += 1
            halt.wait(settings.CONTROLLER_INTERVAL_SECONDS)
            note_leap(time.time() - began)

    def _one_pass(self, *, sweep: bool) -> None:
        close_old_connections()
        try:
            with spans.span("controller pass"):
                reconcile()
                if sweep:
                    take_up_overdue()
                    take_up_deletions()
                    with suppress(LiveAwayError):
                        system.controller_passed()
        except Error:
            # The database may be away for minutes: what is under way goes on, the next pass tries again.
            log.exception("pass_failed")


def note_leap(seconds: float) -> None:
    """After a pass as long as units may be silent, let silence count anew.

    The machine slept, the clock was set, or this process was held up: units had no time to speak either,
    or nobody knows how long they were silent.
    """
    if abs(seconds) > settings.HUNG_AFTER_SECONDS / 2:
        log.warning("clock_leapt", seconds=round(seconds, 1))
        with suppress(LiveAwayError):
            live.server_started()
