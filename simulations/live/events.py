"""A stream of the committed events of an execution, for watchers."""

from typing import Any

from django.conf import settings
from redis import asyncio as redis_asyncio
from redis.exceptions import RedisError

from simulations.exceptions import RedisUnreachableError
from simulations.live.connection import KEEP_SECONDS, connect, key

MAX_EVENTS = 1000
"""Events of an execution that stay in Redis; older ones are in the database."""
Published = tuple[int, bytes]
"""Sequence number and the event as JSON."""


def publish(execution_id: int, sequence: int, event: bytes) -> None:
    """Notify watchers of a committed event.

    Raises:
        RedisUnreachableError: Redis does not answer; watchers then find the event in the database.
    """
    name = key(execution_id, "events")
    with connect() as redis, redis.pipeline(transaction=False) as pipe:
        pipe.xadd(name, {"n": sequence, "e": event}, maxlen=MAX_EVENTS, approximate=True)
        pipe.expire(name, KEEP_SECONDS)
        pipe.execute()


class Listener:
    """Reads the published events of one execution over one connection, without blocking the loop."""

    def __init__(self, execution_id: int) -> None:
        self._key = key(execution_id, "events")
        self._cursor: str | bytes = "0"
        self._redis: Any = redis_asyncio.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=10
        )

    async def read(self, seconds: float) -> list[Published]:
        """Read the events since the last call, waiting up to `seconds` for them.

        Raises:
            RedisUnreachableError: Redis does not answer.
        """
        try:
            answer = await self._redis.xread(
                {self._key: self._cursor}, count=500, block=max(1, int(seconds * 1000))
            )
        except (RedisError, OSError) as error:
            raise RedisUnreachableError(str(error)) from error
        entries = answer[0][1] if answer else []
        if entries:
            self._cursor = entries[-1][0]
        return [(int(fields[b"n"]), fields[b"e"]) for _id, fields in entries]

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
