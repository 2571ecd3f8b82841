"""Cached progress of executions, and the unit counts that it is calculated from."""

from collections.abc import Sequence

from simulations.live.connection import KEEP_SECONDS, connect, key
from simulations.live.unit_counts import UnitCounts, decode, encode

CACHE_SECONDS = 3600


def unit_counts(execution_id: int) -> tuple[UnitCounts, int]:
    """Counts of all units.

    Returns:
        The counts, and the number of the event up to which they include the database (-1: not at all).

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    with connect() as redis, redis.pipeline(transaction=False) as pipe:
        pipe.hgetall(key(execution_id, "tallies"))
        pipe.get(key(execution_id, "whole"))
        values, last_event = pipe.execute()
    return decode(values), -1 if last_event is None else int(last_event)


def cached_with_counts(
    execution_ids: Sequence[int],
) -> dict[int, tuple[bytes | None, UnitCounts]]:
    """Cached progress and unit counts of each execution, in one call of Redis.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    with connect() as redis, redis.pipeline(transaction=False) as pipe:
        for pk in execution_ids:
            pipe.get(key(pk, "progress"))
            pipe.hgetall(key(pk, "tallies"))
        values = pipe.execute()
    rows = zip(execution_ids, values[::2], values[1::2], strict=True)
    return {pk: (cached, decode(counts)) for pk, cached, counts in rows}


def add_counts(execution_id: int, counts: UnitCounts, last_event: int) -> None:
    """Add counts of the database as of event `last_event`.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    values = dict(encode(attempt, count) for attempt, count in counts.items())
    with connect() as redis, redis.pipeline(transaction=False) as pipe:
        if values:
            pipe.hset(key(execution_id, "tallies"), mapping=values)
            pipe.expire(key(execution_id, "tallies"), KEEP_SECONDS)
        pipe.set(key(execution_id, "whole"), last_event, ex=KEEP_SECONDS)
        pipe.execute()


def cached(execution_id: int) -> bytes | None:
    """The progress that was calculated last, if any.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    with connect() as redis:
        value: bytes | None = redis.get(key(execution_id, "progress"))
    return value


def cache(execution_id: int, value: bytes) -> None:
    """Cache a calculated progress for all processes.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    with connect() as redis:
        redis.set(key(execution_id, "progress"), value, ex=CACHE_SECONDS)


def may_calculate(execution_id: int, seconds: float) -> bool:
    """Check that no other process calculates the progress, and claim that for some seconds.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    with connect() as redis:
        milliseconds = max(1, int(seconds * 1000))
        return bool(redis.set(key(execution_id, "computing"), 1, nx=True, px=milliseconds))
