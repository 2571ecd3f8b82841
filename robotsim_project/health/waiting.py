"""Waiting for what a process stands on, and saying so: one line of the log per change."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

import structlog

from robotsim_project.health import dependencies, liveness

log = structlog.get_logger(__name__)
PAUSE_SECONDS = 1.0
"""Between two looks."""


class Teller:
    """Logs what is waited for when it changes, and that it is over."""

    def __init__(self) -> None:
        self._waits_for: list[str] = []
        self._began = time.monotonic()

    def tell(self, found: dict[str, dependencies.Found]) -> None:
        """Say what does not answer, unless it is what was said last."""
        away = [name for name, each in found.items() if not each.answers]
        if away == self._waits_for:
            return
        if not self._waits_for:
            self._began = time.monotonic()
        seconds = round(time.monotonic() - self._began, 1)
        if away:
            log.warning("waiting", waiting_for=away, seconds=seconds, **self._details(away, found))
        else:
            log.info("waiting_over", waited_for=self._waits_for, seconds=seconds)
        self._waits_for = away

    @staticmethod
    def _details(away: list[str], found: dict[str, dependencies.Found]) -> dict[str, Any]:
        at = dependencies.places()
        return {
            "address": {name: at[name] for name in away},
            "detail": {name: found[name].trouble for name in away},
            "error": {name: found[name].error for name in away if found[name].error},
        }


def until_all_answered(halt: threading.Event, note: Callable[[str], None]) -> None:
    """Look until each part has answered once, at the same time or not; `note` is told of each."""
    teller = Teller()
    missing = set(dependencies.QUESTIONS)
    while missing and not halt.is_set():
        found = dependencies.look()
        for name, each in found.items():
            if each.answers:
                note(name)
                missing.discard(name)
        teller.tell({name: each for name, each in found.items() if name in missing})
        if missing:
            halt.wait(PAUSE_SECONDS)


def until_answered(
    halt: threading.Event, names: Collection[str] | None = None, teller: Teller | None = None
) -> bool:
    """Wait until all parts, or those named, answer at the same time; False: told to stop meanwhile."""
    teller = teller or Teller()
    while not halt.is_set():
        liveness.touch()
        found = dependencies.look(names)
        teller.tell(found)
        if all(each.answers for each in found.values()):
            return True
        halt.wait(PAUSE_SECONDS)
    return False
