"""The thread of a controller that sends echoes, so that the silence of units counts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.conf import settings

from simulations.live import silence
from simulations.services.runs.hearing import send_echo

log = structlog.get_logger(__name__)


class Echoes:
    """Sends an echo each second while `active` is set; logs when they fail, and when they come again."""

    def __init__(self) -> None:
        self.active = False
        self._over = threading.Event()
        self._problem = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send echoes from a thread until the context ends."""
        thread = threading.Thread(target=self._run, name="echoes", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            if self.active:
                self._log_change(send_echo())
            self._over.wait(silence.ECHO_SECONDS)

    def _log_change(self, problem: str) -> None:
        if problem and not self._problem:
            log.warning("units_not_heard", server=settings.SERVER_URL, problem=problem)
        elif self._problem and not problem:
            log.info("units_heard_again", server=settings.SERVER_URL)
        self._problem = problem
