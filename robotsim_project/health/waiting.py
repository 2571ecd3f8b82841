"""Wait for the dependencies of a process; the log gets one line per change."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

import structlog

from robotsim_project.health import dependencies, liveness
from robotsim_project.health.checks import CheckResult

log = structlog.get_logger(__name__)
PAUSE_SECONDS = 1.0
"""Pause between two checks."""


class WaitLog:
    """Log the dependencies that a process waits for, whenever they change, and the end of the wait."""

    def __init__(self) -> None:
        self._waiting_for: list[str] = []
        self._started = time.monotonic()

    def update(self, results: dict[str, CheckResult]) -> None:
        """Log the dependencies that do not answer, unless they are the same as last time."""
        failing = [name for name, result in results.items() if not result.ok]
        if failing == self._waiting_for:
            return
        if not self._waiting_for:
            self._started = time.monotonic()
        seconds = round(time.monotonic() - self._started, 1)
        if failing:
            details = self._details(failing, results)
            log.warning("waiting", waiting_for=failing, seconds=seconds, **details)
        else:
            log.info("waiting_over", waited_for=self._waiting_for, seconds=seconds)
        self._waiting_for = failing

    @staticmethod
    def _details(failing: list[str], results: dict[str, CheckResult]) -> dict[str, Any]:
        addresses = dependencies.addresses()
        return {
            "address": {name: addresses[name] for name in failing},
            "detail": {name: results[name].problem for name in failing},
            "error": {name: results[name].error for name in failing if results[name].error},
        }


def wait_until_all_answered(halt: threading.Event, record: Callable[[str], None]) -> None:
    """Wait until each dependency has answered once, not necessarily at the same time.

    Args:
        halt: Ends the wait when set.
        record: Called with the name of each dependency that answers.
    """
    wait_log = WaitLog()
    missing = set(dependencies.CHECKS)
    while missing and not halt.is_set():
        results = dependencies.check()
        for name, result in results.items():
            if result.ok:
                record(name)
                missing.discard(name)
        wait_log.update({name: results[name] for name in results if name in missing})
        if missing:
            halt.wait(PAUSE_SECONDS)


def wait_until_ok(
    halt: threading.Event, names: Collection[str] | None = None, wait_log: WaitLog | None = None
) -> bool:
    """Wait until all dependencies, or the named ones, answer at the same time.

    Returns:
        False when `halt` was set meanwhile.
    """
    wait_log = wait_log or WaitLog()
    while not halt.is_set():
        liveness.touch()
        results = dependencies.check(names)
        wait_log.update(results)
        if all(result.ok for result in results.values()):
            return True
        halt.wait(PAUSE_SECONDS)
    return False
