"""State of the whole system in Redis: overview, statistics, workers, times of controller and backup.

Every function raises RedisUnreachableError when Redis does not answer.
"""

from collections.abc import Collection
from typing import Any

import msgspec
from django.utils import timezone

from simulations.live.connection import KEEP_SECONDS, connect

_OVERVIEW = "robotsim:live:overview"
_CONTROLLER = "robotsim:live:controller"
_STATISTICS = "robotsim:live:vitals"
_WORKER = "robotsim:live:worker:"
_BACKUP = "robotsim:live:backup"
_PROCESSES = "robotsim:live:processes"
_BACKENDS = "robotsim:live:backends"


def cached_overview() -> dict[str, Any] | None:
    """The cached overview, unless it has expired."""
    value = _get(_OVERVIEW)
    return None if value is None else msgspec.json.decode(value, type=dict[str, Any])


def cache_overview(value: dict[str, Any], seconds: int) -> None:
    """Cache the overview for all processes."""
    _set(_OVERVIEW, msgspec.json.encode(value), seconds)


def record_controller_pass() -> None:
    """Record that a controller has just completed a pass over all executions."""
    _set(_CONTROLLER, timezone.now().timestamp(), KEEP_SECONDS)


def last_controller_pass() -> float | None:
    """Time of the last pass of a controller, in seconds since the epoch."""
    value = _get(_CONTROLLER)
    return None if value is None else float(value)


def record_worker(worker: str, seconds: int) -> None:
    """Record that a worker of background tasks is active for the next seconds."""
    _set(f"{_WORKER}{worker}", 1, seconds)


def active_workers(workers: Collection[str]) -> set[str]:
    """Those of these workers that are active."""
    names = sorted(workers)
    if not names:
        return set()
    with connect() as redis:
        values = redis.mget([f"{_WORKER}{name}" for name in names])
    return {name for name, value in zip(names, values, strict=True) if value is not None}


def record_process(name: str, value: bytes) -> None:
    """Record what a process says of itself; `name` is unique among all processes."""
    _record(_PROCESSES, name, value)


def recorded_processes() -> dict[str, bytes]:
    """Last report of each process, by name; those that have ended are included until they are removed."""
    return _recorded(_PROCESSES)


def remove_processes(names: Collection[str]) -> None:
    """Remove processes that have ended."""
    _remove(_PROCESSES, names)


def record_backend(controller: str, value: bytes) -> None:
    """Record how a controller sees the backend."""
    _record(_BACKENDS, controller, value)


def recorded_backends() -> dict[str, bytes]:
    """Last report of each controller on the backend, by the name of its process."""
    return _recorded(_BACKENDS)


def remove_backends(controllers: Collection[str]) -> None:
    """Remove the reports of controllers that have ended."""
    _remove(_BACKENDS, controllers)


def record_backup(at: float) -> None:
    """Record the time of a complete backup, in seconds since the epoch."""
    _set(_BACKUP, at)


def last_backup() -> float | None:
    """Time of the last complete backup, in seconds since the epoch, if it is known."""
    value = _get(_BACKUP)
    return None if value is None else float(value)


def cached_statistics() -> bytes | None:
    """The cached statistics of the whole system, unless they have expired."""
    return _get(_STATISTICS)


def cache_statistics(value: bytes, seconds: int) -> None:
    """Cache the statistics for all processes."""
    _set(_STATISTICS, value, seconds)


def _record(key: str, name: str, value: bytes) -> None:
    with connect() as redis, redis.pipeline(transaction=False) as pipe:
        pipe.hset(key, name, value)
        pipe.expire(key, KEEP_SECONDS)
        pipe.execute()


def _recorded(key: str) -> dict[str, bytes]:
    with connect() as redis:
        values: dict[bytes, bytes] = redis.hgetall(key)
    return {name.decode(): value for name, value in values.items()}


def _remove(key: str, names: Collection[str]) -> None:
    if names:
        with connect() as redis:
            redis.hdel(key, *names)


def _get(key: str) -> bytes | None:
    with connect() as redis:
        value: bytes | None = redis.get(key)
    return value


def _set(key: str, value: bytes | float, seconds: int | None = None) -> None:
    with connect() as redis:
        redis.set(key, value, ex=seconds)
