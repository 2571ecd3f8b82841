"""Whether this server may be sent requests.

It is ready once each part has answered once; from then on an outage does not take it out of service, because
that would help nobody: every other server has the same outage (decision 0017). What has answered is
remembered by all processes of one server: gunicorn's master imports this module, its workers inherit it.
"""

import fcntl
import mmap
import tempfile
import threading
from typing import Any

from robotsim_project.health import dependencies, draining, waiting

NAMES = tuple(dependencies.QUESTIONS)


class Latch:
    """Which parts have answered once; shared with processes that fork from this one."""

    def __init__(self) -> None:
        self._seen = mmap.mmap(-1, len(NAMES))
        self._watch = tempfile.TemporaryFile()  # noqa: SIM115  held as long as the process lives

    def note(self, name: str) -> None:
        """Remember that a part has answered."""
        self._seen[NAMES.index(name)] = 1

    @property
    def complete(self) -> bool:
        return all(self._seen[index] for index in range(len(NAMES)))

    def watch_alone(self) -> bool:
        """Whether no other process of this server watches the start; falls with the process."""
        try:
            fcntl.lockf(self._watch, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


LATCH = Latch()


def state() -> tuple[int, dict[str, Any]]:
    """The status of the answer to a probe, and its body: what is wrong with each part."""
    found = dependencies.look()
    for name, each in found.items():
        if each.answers:
            LATCH.note(name)
    if draining.began():
        word = "draining"
    elif not LATCH.complete:
        word = "starting"
    else:
        word = "ready" if all(each.answers for each in found.values()) else "degraded"
    body = {"status": word, "parts": {name: _told(each) for name, each in found.items()}}
    return 200 if word in {"ready", "degraded"} else 503, body


def _told(found: dependencies.Found) -> dict[str, str]:
    if found.trouble:
        return {"status": "away", "detail": found.trouble}
    return {"status": "ok", "detail": found.note} if found.note else {"status": "ok"}


def watch_start() -> None:
    """Look after the parts from a thread, until each has answered once; one process of a server does."""
    threading.Thread(target=_watch, name="start", daemon=True).start()


def _watch() -> None:
    halt = threading.Event()
    dependencies.look()  # loads what the first probe would have to wait for
    while not LATCH.complete:
        if LATCH.watch_alone():
            waiting.until_all_answered(halt, LATCH.note)
        else:
            halt.wait(waiting.PAUSE_SECONDS)
