"""Limits of calls by client address, for API and console together.

The counter is atomic in Redis: parallel calls cannot exceed the limit, as they can with REST framework's
lists of times. `settings.CALLER_RATES` has the rates by scope; None: no limit.
"""

import time

import structlog
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from accounts.exceptions import SignInStoreFullError, SignInStoreUnavailableError
from accounts.services.callers import client_network
from common import disks

PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

log = structlog.get_logger(__name__)


def count_call(request: HttpRequest, scope: str) -> float:
    """Count a call in a fixed window of time.

    Returns:
        0.0 within the limit, else the seconds until the window has ended.

    Raises:
        SignInStoreUnavailableError: Redis is unavailable.
        SignInStoreFullError: Redis has no room for the count.
    """
    rate: str | None = settings.CALLER_RATES[scope]
    if rate is None:
        return 0.0
    limit, _slash, period = rate.partition("/")
    seconds = PERIODS[period]
    window, elapsed = divmod(time.time(), seconds)
    caller = client_network(request) or "unknown"
    if _count(f"calls:{scope}:{caller}:{int(window)}", seconds) <= int(limit):
        return 0.0
    return seconds - elapsed + 1


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
