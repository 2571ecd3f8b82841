"""What the whole system shares in Redis: the overview, who lives, when a controller last passed."""

from collections.abc import Collection
from typing import Any

import msgspec
from django.utils import timezone

from simulations import live

_OVERVIEW = "robotsim:live:overview"
_CONTROLLER = "robotsim:live:controller"
_VITALS = "robotsim:live:vitals"
_WORKER = "robotsim:live:worker:"
_BACKUP = "robotsim:live:backup"


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


def worker_lives(worker: str, seconds: int) -> None:
    """A worker of background tasks lives, and says so again in time. Raises LiveAwayError."""
    with live.line() as redis:
        redis.set(f"{_WORKER}{worker}", 1, ex=seconds)


def living_workers(workers: Collection[str]) -> set[str]:
    """Those of these workers that live. Raises LiveAwayError."""
    asked = sorted(workers)
    if not asked:
        return set()
    with live.line() as redis:
        found = redis.mget([f"{_WORKER}{worker}" for worker in asked])
    return {worker for worker, value in zip(asked, found, strict=True) if value is not None}


def backup_made(at: float) -> None:
    """A whole backup was made, at a time in seconds since the epoch. Raises LiveAwayError."""
    with live.line() as redis:
        redis.set(_BACKUP, at)


def backup_seen() -> float | None:
    """When the last whole backup was made, as far as is known. Raises LiveAwayError."""
    with live.line() as redis:
        found = redis.get(_BACKUP)
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
