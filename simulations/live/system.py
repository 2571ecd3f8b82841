"""What the whole system shares in Redis: the overview, and when a controller last passed."""

from typing import Any

import msgspec
from django.utils import timezone

from simulations import live

_OVERVIEW = "robotsim:live:overview"
_CONTROLLER = "robotsim:live:controller"
_VITALS = "robotsim:live:vitals"


def known_overview() -> dict[str, Any] | None:
    """What was counted last, None when that is too long ago. Raises LiveAwayError."""
    with live.line() as redis:
        found = redis.get(_OVERVIEW)
    return None if found is None else msgspec.json.decode(found, type=dict[str, Any])


def keep_overview(value: dict[str, Any], seconds: int) -> None:
    """Keep what was counted, for all processes. Raises LiveAwayError."""
    with live.line() as redis:
        redis.set(_OVERVIEW, msgspec.json.encode(value), ex=seconds)


def controller_passed() -> None:
    """A controller has just gone over all executions. Raises LiveAwayError."""
    with live.line() as redis:
        redis.set(_CONTROLLER, timezone.now().timestamp(), ex=live.KEEP_SECONDS)


def controller_seen() -> float | None:
    """When a controller last passed, in seconds since the epoch. Raises LiveAwayError."""
    with live.line() as redis:
        found = redis.get(_CONTROLLER)
    return None if found is None else float(found)


def known_vitals() -> bytes | None:
    """The figures of the whole system that were counted last, None when that is too long ago.

    Raises LiveAwayError.
    """
    with live.line() as redis:
        found: bytes | None = redis.get(_VITALS)
    return found


def keep_vitals(value: bytes, seconds: int) -> None:
    """Keep what was counted, for all processes. Raises LiveAwayError."""
    with live.line() as redis:
        redis.set(_VITALS, value, ex=seconds)
