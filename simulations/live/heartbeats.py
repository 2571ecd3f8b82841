"""Times of the newest heartbeats, and numbers of received and lost snapshots."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from simulations.live.connection import connect, key

UnitKey = tuple[int, int]
"""Stage run and unit."""


class _Snapshot(msgspec.Struct, frozen=True):
    stage_run: int
    unit: int
    attempt: int
    sequence: int


class _StoredSnapshot(msgspec.Struct, frozen=True):
    """The few fields of a stored snapshot that are needed: decoding all of it takes ten times as long."""

    at: float
    snapshot: _Snapshot


_DECODER = msgspec.json.Decoder(_StoredSnapshot)


class Heartbeats(NamedTuple):
    """Heartbeats of an execution's units: the newest times, and snapshots of the newest attempts."""

    at: dict[UnitKey, float]
    received: int
    lost: int


class SnapshotCounts(NamedTuple):
    """Snapshots that were received, and those that were sent and not received."""

    received: int
    lost: int


def heartbeats(execution_ids: Iterable[int]) -> dict[int, Heartbeats]:
    """The heartbeats of each of these executions, in one call of Redis.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    return {pk: _heartbeats(units, counts) for pk, units, counts in _read(list(execution_ids))}


def last_times(execution_id: int, stage_run_id: int) -> dict[int, float]:
    """The time of each unit's newest heartbeat, in seconds since the epoch.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    with connect() as redis:
        values = redis.hvals(key(execution_id))
    rows = [_DECODER.decode(value) for value in values]
    return {row.snapshot.unit: row.at for row in rows if row.snapshot.stage_run == stage_run_id}


def count_snapshots(execution_id: int) -> SnapshotCounts:
    """Count received snapshots of all attempts, and lost ones of the newest attempts.

    Snapshots that Redis itself has lost are not counted as lost.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    ((_pk, units, counts),) = _read([execution_id])
    received = sum(int(count) for name, count in counts.items() if not name.endswith(b":first"))
    return SnapshotCounts(received, _heartbeats(units, counts).lost)


def _read(execution_ids: list[int]) -> Iterator[tuple[int, list[bytes], dict[bytes, bytes]]]:
    if not execution_ids:
        return iter(())
    with connect() as redis, redis.pipeline(transaction=False) as pipe:
        for pk in execution_ids:
            pipe.hvals(key(pk))
            pipe.hgetall(key(pk, "beats"))
        values = pipe.execute()
    return zip(execution_ids, values[::2], values[1::2], strict=True)


def _heartbeats(units: list[bytes], counts: dict[bytes, bytes]) -> Heartbeats:
    at, total, lost = {}, 0, 0
    for value in units:
        row = _DECODER.decode(value)
        snapshot = row.snapshot
        at[snapshot.stage_run, snapshot.unit] = row.at
        field = b"%d:%d:%d" % (snapshot.stage_run, snapshot.unit, snapshot.attempt)
        received = int(counts.get(field, 0))
        first = int(counts.get(field + b":first", snapshot.sequence))
        total += received
        lost += max(0, snapshot.sequence - first + 1 - received) if received else 0
    return Heartbeats(at, total, lost)
