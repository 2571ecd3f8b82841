"""Statistics of the whole system, collected at most every few seconds for all processes together.

Statistics of a dependency that does not answer are missing; nobody waits long for it.
"""

import threading
import time
from contextlib import suppress

import msgspec
import structlog
from django.db import DatabaseError, InterfaceError

from robotsim_project.health import dependencies
from simulations.exceptions import RedisUnreachableError
from simulations.live import system
from simulations.services.monitoring.metrics import (
    ActiveUnits,
    LiveStatistics,
    RunStatistics,
    live_statistics,
    run_statistics,
)
from storage.services.maintenance.metrics import StorageStatistics, storage_statistics

CACHE_SECONDS = 5
log = structlog.get_logger(__name__)


class SystemStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of the system; None where the dependency did not answer."""

    up: dict[str, bool]
    runs: RunStatistics | None
    storage: StorageStatistics | None
    live: LiveStatistics | None


class _Cache:
    """Statistics cached by this process; one thread refreshes them while the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statistics: SystemStatistics | None = None
        self._expires_at = 0.0

    def get(self) -> SystemStatistics:
        with self._lock:
            if self._statistics is None or time.monotonic() >= self._expires_at:
                self._statistics = _read_shared() or _collect()
                self._expires_at = time.monotonic() + CACHE_SECONDS
            return self._statistics

    def clear(self) -> None:
        with self._lock:
            self._statistics = None


_cache = _Cache()
system_statistics = _cache.get


def _read_shared() -> SystemStatistics | None:
    """Read the statistics that another process has just collected."""
    try:
        value = system.cached_statistics()
        return None if value is None else msgspec.json.decode(value, type=SystemStatistics)
    except (
        RedisUnreachableError,
        msgspec.MsgspecError,
    ):  # unreachable, or written by another version
        return None


def _collect() -> SystemStatistics:
    # Checked first, on separate connections which give up soon: the pool would wait long.
    checks = dependencies.check(["database", "storage"])
    runs, storage, units = _database() if checks["database"].ok else (None, None, {})
    live = _redis(units)
    up = {
        "database": runs is not None,
        "redis": live is not None,
        "storage": checks["storage"].ok,
    }
    own = all(up.values())
    if live and live.backend is not None:
        up["backend"] = live.backend
    statistics = SystemStatistics(up=up, runs=runs, storage=storage, live=live)
    if own:  # otherwise each process notices by itself when the outage is over
        with suppress(RedisUnreachableError):
            system.cache_statistics(msgspec.json.encode(statistics), CACHE_SECONDS)
    return statistics


def _database() -> tuple[RunStatistics | None, StorageStatistics | None, ActiveUnits]:
    try:
        runs, units = run_statistics()
        return runs, storage_statistics(), units
    except (DatabaseError, InterfaceError) as error:
        log.warning("vitals_without_database", error=str(error))
        return None, None, {}


def _redis(units: ActiveUnits) -> LiveStatistics | None:
    try:
        return live_statistics(units)
    except RedisUnreachableError as error:
        log.warning("vitals_without_redis", error=str(error))
        return None
