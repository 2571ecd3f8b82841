"""The only speaker of Redis for live state: snapshots of units, and when they were last heard.

Everything here may vanish at any moment; it is written anew by the next heartbeats.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import msgspec
from django.utils import timezone
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from agent.protocol import Snapshot
from simulations.exceptions import LiveAwayError
from simulations.live.tallies import tallied

KEEP_SECONDS = 86400
RENEW_EVERY = 60
"""Snapshots of a unit between two renewals of that time."""
RETRY_SECONDS = 1.0
LOG_TAIL = 16_384
"""Characters of a unit's log that are kept while it runs."""
_SINCE = "robotsim:live:since"
_PARTS = ("units", "beats", "logs", "tallies", "whole")


class Heard(msgspec.Struct, frozen=True):
    """The newest snapshot of a unit, and when it came (seconds since the epoch, server's clock)."""

    at: float
    snapshot: Snapshot


class _At(msgspec.Struct, frozen=True):
    stage_run: int
    unit: int


class _HeardAt(msgspec.Struct, frozen=True):
    """Of `Heard` no more than who spoke when: much cheaper to read."""

    at: float
    snapshot: _At


class Beats(NamedTuple):
    """How many snapshots came, and how many of those that were made did not."""

    received: int
    lost: int


def _redis() -> Any:
    return get_redis_connection("default")


class _Line:
    """This process's line to Redis. After a failure nobody waits for a while: heartbeats must stay quick."""

    def __init__(self) -> None:
        self._away_until = 0.0
        self._gap = False

    @contextmanager
    def open(self) -> Iterator[Any]:
        """A connection. Raises LiveAwayError, also for what goes wrong within."""
        if time.monotonic() < self._away_until:
            raise LiveAwayError("Redis did not answer a moment ago.")
        try:
            connection = _redis()
            if self._gap:
                # What was said meanwhile is nowhere: silence counts from here on.
                connection.set(_SINCE, timezone.now().timestamp())
                self._gap = False
            yield connection
        except RedisError as error:
            self._gap = True
            self._away_until = time.monotonic() + RETRY_SECONDS
            raise LiveAwayError(str(error)) from error


_line = _Line()


def _key(execution_id: int, what: str = "units") -> str:
    return f"robotsim:live:{execution_id}:{what}"


def store(execution_id: int, snapshot: Snapshot) -> None:
    """Keep a unit's snapshot, and count it. Raises LiveAwayError when Redis does not answer."""
    heard = Heard(at=timezone.now().timestamp(), snapshot=snapshot)
    field = f"{snapshot.stage_run}:{snapshot.unit}"
    beat = f"{field}:{snapshot.attempt}"
    with _line.open() as redis, redis.pipeline(transaction=False) as pipe:
        pipe.hset(_key(execution_id), field, msgspec.json.encode(heard))
        pipe.hincrby(_key(execution_id, "beats"), beat, 1)
        pipe.hset(_key(execution_id, "tallies"), *tallied(snapshot))
        count = pipe.execute()[1]
        if count % RENEW_EVERY != 1:
            return
        pipe.expire(_key(execution_id), KEEP_SECONDS)
        pipe.expire(_key(execution_id, "beats"), KEEP_SECONDS)
        pipe.expire(_key(execution_id, "tallies"), KEEP_SECONDS)
        if count == 1:
            pipe.hset(_key(execution_id, "beats"), f"{beat}:first", snapshot.sequence)
        pipe.execute()


def heard(execution_id: int) -> list[Heard]:
    """The newest snapshot of each unit of an execution. Raises LiveAwayError."""
    with _line.open() as redis:
        values = redis.hvals(_key(execution_id))
    return [msgspec.json.decode(value, type=Heard) for value in values]


def newest(execution_id: int, stage_run_id: int, unit: int) -> Snapshot | None:
    """What a unit said last; None when Redis does not know."""
    try:
        with _line.open() as redis:
            value = redis.hget(_key(execution_id), f"{stage_run_id}:{unit}")
    except LiveAwayError:
        return None
    return msgspec.json.decode(value, type=Heard).snapshot if value else None


def last_heard(execution_id: int, stage_run_id: int) -> dict[int, float]:
    """When each unit of a stage run was last heard, seconds since the epoch. Raises LiveAwayError."""
    with _line.open() as redis:
        values = redis.hvals(_key(execution_id))
    found = [msgspec.json.decode(value, type=_HeardAt) for value in values]
    return {
        each.snapshot.unit: each.at for each in found if each.snapshot.stage_run == stage_run_id
    }


def beats(execution_id: int) -> Beats:
    """Snapshots that came and that are missing; of a unit's older attempts only those that came.

    What Redis lost is not counted as missing. Raises LiveAwayError.
    """
    with _line.open() as redis:
        counts = {
            field.decode(): int(n)
            for field, n in redis.hgetall(_key(execution_id, "beats")).items()
        }
    came = sum(count for field, count in counts.items() if not field.endswith(":first"))
    lost = 0
    for each in heard(execution_id):
        seen = each.snapshot
        beat = f"{seen.stage_run}:{seen.unit}:{seen.attempt}"
        made = seen.sequence - counts.get(f"{beat}:first", seen.sequence) + 1
        lost += max(0, made - counts.get(beat, made))
    return Beats(came, lost)


def listening_since() -> float:
    """Since when Redis has held what units say, without a gap: silence counts only from there.

    Seconds since the epoch. The first to ask after Redis was emptied sets it. Raises LiveAwayError.
    """
    now = timezone.now().timestamp()
    with _line.open() as redis:
        redis.set(_SINCE, now, nx=True)
        return float(redis.get(_SINCE) or now)


def server_started() -> None:
    """Units could not be heard until now: they get time to speak again. Raises LiveAwayError."""
    with _line.open() as redis:
        redis.set(_SINCE, timezone.now().timestamp())


def forget(execution_id: int) -> None:
    """Drop the live state of an execution that has ended. Raises LiveAwayError."""
    with _line.open() as redis:
        redis.delete(*(_key(execution_id, what) for what in _PARTS))


def append_log(execution_id: int, snapshot: Snapshot) -> None:
    """Keep the end of a unit's log; what was sent twice is kept once. Raises LiveAwayError."""
    if not snapshot.log:
        return
    key, field = _key(execution_id, "logs"), f"{snapshot.stage_run}:{snapshot.unit}"
    with _line.open() as redis:
        kept = _Log() if (value := redis.hget(key, field)) is None else _log(value)
        if kept.attempt != snapshot.attempt:
            kept = _Log(attempt=snapshot.attempt)
        fresh = snapshot.log[max(0, kept.end - snapshot.log_offset) :]
        end = max(kept.end, snapshot.log_offset + len(snapshot.log))
        text = (kept.text + fresh)[-LOG_TAIL:]
        redis.hset(key, field, msgspec.json.encode(_Log(snapshot.attempt, end, text)))
        redis.expire(key, KEEP_SECONDS)


def log_tail(execution_id: int, stage_run_id: int, unit: int) -> str:
    """The last lines that a unit logged; empty when Redis does not know them."""
    try:
        with _line.open() as redis:
            value = redis.hget(_key(execution_id, "logs"), f"{stage_run_id}:{unit}")
    except LiveAwayError:
        return ""
    return "" if value is None else _log(value).text


class _Log(msgspec.Struct, frozen=True):
    attempt: int = 0
    end: int = 0
    text: str = ""


def _log(value: bytes) -> _Log:
    return msgspec.json.decode(value, type=_Log)


def line() -> AbstractContextManager[Any]:
    """A connection, for the modules beside this one. Raises LiveAwayError."""
    return _line.open()


key = _key
