"""Removal of what ended executions have left at the backend, now and then."""

import time

import structlog

from simulations.exceptions import BackendError
from simulations.services.runs.leftovers import remove_leftovers

log = structlog.get_logger(__name__)
PAUSE_SECONDS = 30.0


class Leftovers:
    """Removes leftovers; logs when that fails, and when it works again."""

    def __init__(self) -> None:
        self._next = 0.0
        self._problem = ""

    def remove(self) -> None:
        """Remove what is left, if it is time to."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PAUSE_SECONDS
        try:
            removed, problem = remove_leftovers(), ""
        except BackendError as error:
            removed, problem = 0, str(error)
        if removed:
            log.info("leftovers_removed", number=removed)
        self._log_change(problem)

    def _log_change(self, problem: str) -> None:
        if problem and not self._problem:
            log.warning("leftovers_not_removed", problem=problem)
        elif self._problem and not problem:
            log.info("leftovers_removed_again")
        self._problem = problem
