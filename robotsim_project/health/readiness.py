"""Readiness of this server for requests.

It is ready once each dependency has answered once. From then on an outage does not take it out of service,
as every other server has the same outage (decision 0017). The processes of one server share this state:
gunicorn's master imports this module, and its workers inherit it.
"""

import fcntl
import mmap
import tempfile
import threading
from typing import Any

from robotsim_project.health import dependencies, draining, waiting
from robotsim_project.health.checks import CheckResult

NAMES = tuple(dependencies.CHECKS)


class Latch:
    """The dependencies that have answered once; shared with processes forked from this one."""

    def __init__(self) -> None:
        self._answered = mmap.mmap(-1, len(NAMES))
        self._watch = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the process lives

    def record(self, name: str) -> None:
        """Record that a dependency has answered."""
        self._answered[NAMES.index(name)] = 1

    @property
    def complete(self) -> bool:
        return all(self._answered[index] for index in range(len(NAMES)))

    def try_lock(self) -> bool:
        """Try to become the process of this server that watches the start; released when it ends."""
        try:
            fcntl.lockf(self._watch, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


LATCH = Latch()


def state() -> tuple[int, dict[str, Any]]:
    """Return the HTTP status for a probe, and the body: the state of each dependency."""
    results = dependencies.check()
    for name, result in results.items():
        if result.ok:
            LATCH.record(name)
    if draining.is_draining():
        status = "draining"
    elif not LATCH.complete:
        status = "starting"
    else:
        status = "ready" if all(result.ok for result in results.values()) else "degraded"
    body = {
        "status": status,
        "parts": {name: _serialize(result) for name, result in results.items()},
    }
    return 200 if status in {"ready", "degraded"} else 503, body


def _serialize(result: CheckResult) -> dict[str, str]:
    if not result.ok:
        return {"status": "full" if result.full else "away", "detail": result.problem}
    return {"status": "ok", "detail": result.note} if result.note else {"status": "ok"}


def watch_start() -> None:
    """Check the dependencies in a thread until each has answered once; one process of a server does."""
    threading.Thread(target=_watch, name="start", daemon=True).start()


def _watch() -> None:
    halt = threading.Event()
    dependencies.check()  # loads what the first probe would have to wait for
    while not LATCH.complete:
        if LATCH.try_lock():
            waiting.wait_until_all_answered(halt, LATCH.record)
        else:
            halt.wait(waiting.PAUSE_SECONDS)
