"""The newest snapshot of each unit."""

import msgspec
from django.utils import timezone

from agent.protocol import Snapshot
from simulations.exceptions import RedisUnreachableError
from simulations.live.connection import KEEP_SECONDS, connect, key
from simulations.live.unit_counts import count_snapshot

RENEW_EVERY = 60
"""Snapshots of a unit after which the keys expire later again."""
_NAMES = ("units", "beats", "logs", "tallies", "whole")


class StoredSnapshot(msgspec.Struct, frozen=True):
    """A snapshot with the time it was received, in seconds since the epoch by the server's clock."""

    at: float
    snapshot: Snapshot


def store(execution_id: int, snapshot: Snapshot) -> None:
    """Store a unit's snapshot and count it.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    stored = StoredSnapshot(at=timezone.now().timestamp(), snapshot=snapshot)
    units, beats, counts = (key(execution_id, name) for name in ("units", "beats", "tallies"))
    unit_field = f"{snapshot.stage_run}:{snapshot.unit}"
    attempt_field = f"{unit_field}:{snapshot.attempt}"
    with connect() as redis, redis.pipeline(transaction=False) as pipe:
        pipe.hset(units, unit_field, msgspec.json.encode(stored))
        pipe.hincrby(beats, attempt_field, 1)
        pipe.hset(counts, *count_snapshot(snapshot))
        received = pipe.execute()[1]
        if received % RENEW_EVERY != 1:
            return
        for name in (units, beats, counts):
            pipe.expire(name, KEEP_SECONDS)
        if received == 1:
            pipe.hset(beats, f"{attempt_field}:first", snapshot.sequence)
        pipe.execute()


def newest(execution_id: int, stage_run_id: int, unit: int) -> Snapshot | None:
    """The newest snapshot of a unit; None when Redis has none or does not answer."""
    try:
        with connect() as redis:
            value = redis.hget(key(execution_id), f"{stage_run_id}:{unit}")
    except RedisUnreachableError:
        return None
    return msgspec.json.decode(value, type=StoredSnapshot).snapshot if value else None


def delete_all(execution_id: int) -> None:
    """Delete the live state of an execution that has ended.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    with connect() as redis:
        redis.delete(*(key(execution_id, name) for name in _NAMES))
