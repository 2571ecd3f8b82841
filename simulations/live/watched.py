"""What watchers are told, in Redis: progress, tallies of units, and events as they are committed."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from redis import asyncio as redis_asyncio
from redis.exceptions import RedisError

from simulations import live
from simulations.exceptions import LiveAwayError
from simulations.live.tallies import Tally, TallyKey, decoded, encoded, field_of

PROGRESS_SECONDS = 3600
EVENTS_KEPT = 1000
"""Events of an execution that stay in Redis for readers; older ones are in the database."""
Published = tuple[int, bytes]
"""Sequence number and the event as JSON."""


def tallies(execution_id: int) -> tuple[dict[TallyKey, Tally], int]:
    """All units in short, and up to which event what the database knows is among it (-1: not at all).

    Raises LiveAwayError.
    """
    with live.line() as redis, redis.pipeline(transaction=False) as pipe:
        pipe.hgetall(live.key(execution_id, "tallies"))
        pipe.get(live.key(execution_id, "whole"))
        values, whole = pipe.execute()
    return decoded(values), -1 if whole is None else int(whole)


def standing(
    execution_ids: Sequence[int],
) -> dict[int, tuple[bytes | None, dict[TallyKey, Tally]]]:
    """Of each execution the progress that was computed last, and all its units in short; one call.

    Raises LiveAwayError.
    """
    with live.line() as redis, redis.pipeline(transaction=False) as pipe:
        for pk in execution_ids:
            pipe.get(live.key(pk, "progress"))
            pipe.hgetall(live.key(pk, "tallies"))
        values = pipe.execute()
    told = zip(values[::2], values[1::2], strict=True)
    return {
        pk: (kept, decoded(units)) for pk, (kept, units) in zip(execution_ids, told, strict=True)
    }


def fill_tallies(execution_id: int, missing: dict[TallyKey, Tally], upto: int) -> None:
    """Add what only the database knew, as it was after event `upto`. Raises LiveAwayError."""
    values = {field_of(key): encoded(tally) for key, tally in missing.items()}
    with live.line() as redis, redis.pipeline(transaction=False) as pipe:
        if values:
            pipe.hset(live.key(execution_id, "tallies"), mapping=values)
            pipe.expire(live.key(execution_id, "tallies"), live.KEEP_SECONDS)
        pipe.set(live.key(execution_id, "whole"), upto, ex=live.KEEP_SECONDS)
        pipe.execute()


def known_progress(execution_id: int) -> bytes | None:
    """The progress that was computed last; None when there is none. Raises LiveAwayError."""
    with live.line() as redis:
        found: bytes | None = redis.get(live.key(execution_id, "progress"))
    return found


def keep_progress(execution_id: int, value: bytes) -> None:
    """Keep what was computed, for all processes. Raises LiveAwayError."""
    with live.line() as redis:
        redis.set(live.key(execution_id, "progress"), value, ex=PROGRESS_SECONDS)


def may_compute(execution_id: int, seconds: float) -> bool:
    """Whether the caller is the one to compute the progress for so long. Raises LiveAwayError."""
    with live.line() as redis:
        milliseconds = max(1, int(seconds * 1000))
        return bool(redis.set(live.key(execution_id, "computing"), 1, nx=True, px=milliseconds))


def publish(execution_id: int, sequence: int, told: bytes) -> None:
    """Tell watchers of an event that is committed.

    Raises LiveAwayError; watchers then find the event in the database.
    """
    key = live.key(execution_id, "events")
    with live.line() as redis, redis.pipeline(transaction=False) as pipe:
        pipe.xadd(key, {"n": sequence, "e": told}, maxlen=EVENTS_KEPT, approximate=True)
        pipe.expire(key, live.KEEP_SECONDS)
        pipe.execute()


class Listener:
    """Reads what is published of one execution, over one connection, without blocking the loop."""

    def __init__(self, execution_id: int) -> None:
        self._key = live.key(execution_id, "events")
        self._cursor: str | bytes = "0"
        self._redis: Any = redis_asyncio.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=10
        )

    async def read(self, seconds: float) -> list[Published]:
        """What was published since the last call; waits for it this long. Raises LiveAwayError."""
        try:
            answer = await self._redis.xread(
                {self._key: self._cursor}, count=500, block=max(1, int(seconds * 1000))
            )
        except (RedisError, OSError) as error:
            raise LiveAwayError(str(error)) from error
        entries = answer[0][1] if answer else []
        if entries:
            self._cursor = entries[-1][0]
        return [(int(fields[b"n"]), fields[b"e"]) for _id, fields in entries]

    async def close(self) -> None:
        """Give the connection back."""
        await self._redis.aclose()
