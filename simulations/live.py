"""The only speaker of Redis for live state: snapshots of units and when they were last heard.

Everything here may vanish at any moment; it is written anew by the next heartbeats.
"""

from typing import Any

import msgspec
from django.utils import timezone
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from agent.protocol import Snapshot
from simulations.exceptions import LiveAwayError

KEEP_SECONDS = 86400
_SINCE = "robotsim:live:since"


class Heard(msgspec.Struct, frozen=True):
    """The newest snapshot of a unit, and when it came (seconds since the epoch, server's clock)."""

    at: float
    snapshot: Snapshot


def _redis() -> Any:
    return get_redis_connection("default")


def _key(execution_id: int) -> str:
    return f"robotsim:live:{execution_id}:units"


def store(execution_id: int, snapshot: Snapshot) -> None:
    """Keep a unit's snapshot. Raises LiveAwayError when Redis does not answer."""
    heard = Heard(at=timezone.now().timestamp(), snapshot=snapshot)
    try:
        with _redis().pipeline(transaction=False) as pipe:
            field = f"{snapshot.stage_run}:{snapshot.unit}"
            pipe.hset(_key(execution_id), field, msgspec.json.encode(heard))
            pipe.expire(_key(execution_id), KEEP_SECONDS)
            pipe.execute()
    except RedisError as error:
        raise LiveAwayError(str(error)) from error


def heard(execution_id: int) -> list[Heard]:
    """The newest snapshot of each unit of an execution. Raises LiveAwayError."""
    try:
        values = _redis().hvals(_key(execution_id))
    except RedisError as error:
        raise LiveAwayError(str(error)) from error
    return [msgspec.json.decode(value, type=Heard) for value in values]


def listening_since() -> float:
    """Since when Redis has held what units say, without a gap: silence counts only from there.

    Seconds since the epoch. The first to ask after Redis was emptied sets it. Raises LiveAwayError.
    """
    now = timezone.now().timestamp()
    try:
        _redis().set(_SINCE, now, nx=True)
        return float(_redis().get(_SINCE) or now)
    except RedisError as error:
        raise LiveAwayError(str(error)) from error


def server_started() -> None:
    """A server has started: units that could not reach it get time to speak again."""
    try:
        _redis().set(_SINCE, timezone.now().timestamp())
    except RedisError as error:
        raise LiveAwayError(str(error)) from error


def forget(execution_id: int) -> None:
    """Drop the live state of an execution that has ended."""
    try:
        _redis().delete(_key(execution_id))
    except RedisError as error:
        raise LiveAwayError(str(error)) from error


LOG_TAIL = 16_384
"""Characters of a unit's log that are kept while it runs."""


def append_log(execution_id: int, snapshot: Snapshot) -> None:
    """Keep the end of a unit's log. Raises LiveAwayError."""
    if not snapshot.log:
        return
    key = f"robotsim:live:{execution_id}:log:{snapshot.stage_run}:{snapshot.unit}"
    try:
        connection = _redis()
        kept = (connection.get(key) or b"").decode() + snapshot.log
        connection.set(key, kept[-LOG_TAIL:], ex=KEEP_SECONDS)
    except RedisError as error:
        raise LiveAwayError(str(error)) from error


def log_tail(execution_id: int, stage_run_id: int, unit: int) -> str:
    """The last lines that a unit logged; empty when Redis does not know them."""
    try:
        key = f"robotsim:live:{execution_id}:log:{stage_run_id}:{unit}"
        return str((_redis().get(key) or b"").decode())
    except RedisError:
        return ""
