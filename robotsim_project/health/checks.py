"""A check of one dependency: run in its own thread, never twice at once, and remembered."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from threading import Lock, Thread

from django.db import connections
from django.utils import timezone
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

TIMEOUT_SECONDS = 2
PATIENCE_SECONDS = TIMEOUT_SECONDS + 0.5
"""Time that a check may take; then its dependency does not answer."""
FORGOTTEN = 6
"""Times its age limit after which an observation is too old to be shown meanwhile."""


@dataclass(frozen=True)
class CheckResult:
    """Result of a check.

    Attributes:
        problem: What is wrong and what to do; empty when the dependency answers.
        error: The error, for the log.
        note: A remark on a dependency that answers.
        full: Its disk is full; it may answer, but cannot be written.
    """

    problem: str = ""
    error: str = ""
    note: str = ""
    full: bool = False

    @property
    def ok(self) -> bool:
        return not self.problem


@dataclass(frozen=True)
class Observation:
    """The newest result of a check, and when this process first saw the dependency like this."""

    result: CheckResult
    since: datetime
    checked_at: datetime
    language: str | None
    """Of the result's sentences."""

    def is_readable(self) -> bool:
        """Return True when the result is in the reader's language, or has no sentences."""
        return self.result == CheckResult() or self.language == get_language()

    @property
    def age(self) -> float:
        """Seconds since the check."""
        return (timezone.now() - self.checked_at).total_seconds()


class Check:
    """The check of one dependency."""

    def __init__(self, function: Callable[[], CheckResult]) -> None:
        self._function = function
        self._lock = Lock()
        self._future: Future[CheckResult] | None = None
        self._started = 0.0
        self.observation: Observation | None = None
        """Of the newest check, by whomever it was requested."""

    def start(self) -> "Future[CheckResult]":
        """Start the check, unless it is running, and return its future result."""
        with self._lock:
            if self._future is None or self._future.done():
                self._future, self._started = Future(), time.monotonic()
                arguments = self._future, get_language()
                Thread(target=self._run, args=arguments, daemon=True).start()
            return self._future

    def result(self) -> CheckResult:
        """Check, and return the result in time."""
        future = self.start()
        try:
            return future.result(max(0.0, self._started + PATIENCE_SECONDS - time.monotonic()))
        except TimeoutError:
            return self._observe(_no_answer()).result

    def latest(self, max_age: float) -> Observation:
        """Return the newest observation, for pages that must not wait for a dependency that hangs.

        One older than `max_age` seconds is renewed in the background, for the next reader. Who is the first
        for a long time waits for the result.
        """
        seen = self.observation
        if seen is None or seen.age > max_age * FORGOTTEN or not seen.is_readable():
            self.result()
        elif seen.age > max_age:
            self.start()
        if self.observation is None or self.hangs:
            return self._observe(_no_answer())
        return self.observation

    def answers(self, max_age: float) -> bool:
        """Return whether the dependency answers now, for who would wait for it longer than this check does.

        One that did not lately is believed not to, and is checked in the background.
        """
        seen = self.observation
        if seen is not None and not seen.result.ok:
            return self.latest(max_age).result.ok
        return self.result().ok

    @property
    def hangs(self) -> bool:
        """Return True when the check is running for longer than it may."""
        running = self._future is not None and not self._future.done()
        return running and time.monotonic() - self._started > PATIENCE_SECONDS

    def _observe(self, result: CheckResult) -> Observation:
        now, previous = timezone.now(), self.observation
        is_same = previous is not None and previous.result.ok == result.ok
        since = previous.since if previous is not None and is_same else now
        self.observation = Observation(result, since, now, get_language())
        return self.observation

    def _run(self, future: "Future[CheckResult]", language: str | None) -> None:
        with override(language):
            try:
                result = self._function()
            except Exception as error:  # noqa: BLE001  the libraries' exceptions are known to their modules only
                result = CheckResult(_("The check failed: see the log."), repr(error))
            finally:
                # The table of migrations is read on the connection of this thread, which ends here.
                connections.close_all()
            self._observe(result)
        future.set_result(result)


def _no_answer() -> CheckResult:
    return CheckResult(
        _("It does not answer in time: check that it runs and can be reached."), "timeout"
    )
