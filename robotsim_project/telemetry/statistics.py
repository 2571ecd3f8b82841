"""The figures of the whole system, counted at most every few seconds for all processes together.

What does not answer is noted and left out; nobody waits long for it.
"""

import threading
import time
from contextlib import suppress

import msgspec
import structlog
from django.db import DatabaseError, InterfaceError

from robotsim_project.health import dependencies
from simulations.exceptions import LiveAwayError
from simulations.live import system
from simulations.services.monitoring.metrics import (
    LiveUnits,
    LiveVitals,
    RunVitals,
    live_vitals,
    run_vitals,
)
from storage.services.maintenance.metrics import StorageStatistics, storage_statistics

KEEP_SECONDS = 5
log = structlog.get_logger(__name__)


class Vitals(msgspec.Struct, frozen=True, kw_only=True):
    """What could be learned; None: who knows it did not answer."""

    up: dict[str, bool]
    runs: RunVitals | None
    storage: StorageStatistics | None
    live: LiveVitals | None


class _Kept:
    """What this process learned last: the one who finds it old asks, the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._vitals: Vitals | None = None
        self._until = 0.0

    def get(self) -> Vitals:
        with self._lock:
            if self._vitals is None or time.monotonic() >= self._until:
                self._vitals = _known() or _ask()
                self._until = time.monotonic() + KEEP_SECONDS
            return self._vitals

    def forget(self) -> None:
        with self._lock:
            self._vitals = None


_kept = _Kept()
vitals = _kept.get
forget = _kept.forget


def _known() -> Vitals | None:
    """What another process has counted a moment ago."""
    try:
        value = system.known_vitals()
        return None if value is None else msgspec.json.decode(value, type=Vitals)
    except (LiveAwayError, msgspec.MsgspecError):  # away, or written by another version
        return None


def _ask() -> Vitals:
    # Asked on connections of their own, which give up soon: the pool would wait long.
    found = dependencies.look(["database", "storage"])
    runs, storage, alive = _database() if found["database"].answers else (None, None, {})
    live = _redis(alive)
    up = {
        "database": runs is not None,
        "redis": live is not None,
        "storage": found["storage"].answers,
    }
    counted = Vitals(up=up, runs=runs, storage=storage, live=live)
    if all(up.values()):  # else each process finds out by itself when all is well again
        with suppress(LiveAwayError):
            system.keep_vitals(msgspec.json.encode(counted), KEEP_SECONDS)
    return counted


def _database() -> tuple[RunVitals | None, StorageStatistics | None, LiveUnits]:
    try:
        runs, alive = run_vitals()
        return runs, storage_statistics(), alive
    except (DatabaseError, InterfaceError) as error:
        log.warning("vitals_without_database", error=str(error))
        return None, None, {}


def _redis(alive: LiveUnits) -> LiveVitals | None:
    try:
        return live_vitals(alive)
    except LiveAwayError as error:
        log.warning("vitals_without_redis", error=str(error))
        return None
