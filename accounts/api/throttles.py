"""Rate limits by client address."""

import time
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.exceptions import SignInStoreFullError, SignInStoreUnavailableError
from accounts.services.callers import client_network
from common import disks

PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

log = structlog.get_logger(__name__)


class CallerThrottle(BaseThrottle):
    """Limits requests to views of the same `throttle_scope` by client address, in fixed windows of time.

    The counter is atomic in Redis: parallel requests cannot exceed the limit, as they can with REST
    framework's lists of times. `settings.CALLER_RATES` has the rates; None: no limit.
    """

    def __init__(self) -> None:
        self._wait = 1.0

    def allow_request(self, request: Request, view: Any) -> bool:
        rate: str | None = settings.CALLER_RATES[view.throttle_scope]
        if rate is None:
            return True
        limit, _slash, period = rate.partition("/")
        seconds = PERIODS[period]
        window, elapsed = divmod(time.time(), seconds)
        self._wait = seconds - elapsed
        caller = client_network(request._request) or "unknown"  # noqa: SLF001
        return _count(f"calls:{view.throttle_scope}:{caller}:{int(window)}", seconds) <= int(limit)

    def wait(self) -> float:
        """Return the seconds until the window ends, at least one."""
        return max(1.0, self._wait + 1)


def _count(key: str, seconds: int) -> int:
    try:
        cache.add(key, 0, seconds + 1)
        return int(cache.incr(key))
    except ValueError:  # the key expired between the two calls
        return 1
    except Exception as error:
        # Redis's own exceptions are imported in one module only. Without a count no passwords may be tried.
        log.warning("calls_not_counted", error=str(error))
        if disks.is_full(error):
            raise SignInStoreFullError from error
        raise SignInStoreUnavailableError from error
