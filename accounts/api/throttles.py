"""Slows those who try: so many requests of one kind from one address."""

import time
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.exceptions import SignInStoreAwayError
from accounts.services.callers import client_network

PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

log = structlog.get_logger(__name__)


class CallerThrottle(BaseThrottle):
    """Counts requests to views of the same `throttle_scope`, by address, in windows of the clock.

    The count is one atomic step in Redis: parallel requests do not slip through, as they do with the
    framework's lists of times. `settings.CALLER_RATES` has the rates; None: as many as one likes.
    """

    def __init__(self) -> None:
        self._wait = 1.0

    def allow_request(self, request: Request, view: Any) -> bool:
        rate: str | None = settings.CALLER_RATES[view.throttle_scope]
        if rate is None:
            return True
        most, _slash, period = rate.partition("/")
        seconds = PERIODS[period]
        window, passed = divmod(time.time(), seconds)
        self._wait = seconds - passed
        caller = client_network(request._request) or "unknown"  # noqa: SLF001
        return _count(f"calls:{view.throttle_scope}:{caller}:{int(window)}", seconds) <= int(most)

    def wait(self) -> float:
        """Seconds until the window ends, at least one."""
        return max(1.0, self._wait + 1)


def _count(key: str, seconds: int) -> int:
    try:
        cache.add(key, 0, seconds + 1)
        return int(cache.incr(key))
    except ValueError:  # it ended between the two
        return 1
    except Exception as error:
        # Only one module may know Redis's own exceptions; without a count nobody may try passwords.
        log.warning("calls_not_counted", error=str(error))
        raise SignInStoreAwayError from error
