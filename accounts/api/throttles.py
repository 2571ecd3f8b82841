"""Rate limits by client address."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.services.limits import count_call


class CallerThrottle(BaseThrottle):
    """Limits requests to views of the same `throttle_scope` by client address."""

    def __init__(self) -> None:
        self._wait = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        self._wait = count_call(request._request, view.throttle_scope)  # noqa: SLF001
        return not self._wait

    def wait(self) -> float:
        """Return the seconds until the window ends, at least one."""
        return max(1.0, self._wait)
