"""The connection to Redis, shared by the modules of this package."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django_redis import get_redis_connection
from redis.exceptions import RedisError

from simulations.exceptions import RedisUnreachableError

KEEP_SECONDS = 86400
RETRY_SECONDS = 1.0


def _client() -> Any:
    return get_redis_connection("default")


class _Connector:
    """Opens connections; after a failure it refuses for a while, as heartbeats must stay quick."""

    def __init__(self) -> None:
        self._retry_at = 0.0

    @contextmanager
    def open(self) -> Iterator[Any]:
        if time.monotonic() < self._retry_at:
            raise RedisUnreachableError("Redis did not answer a moment ago.")
        try:
            yield _client()
        except RedisError as error:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            raise RedisUnreachableError(str(error)) from error


_connector = _Connector()


def connect() -> AbstractContextManager[Any]:
    """Open a connection.

    Raises:
        RedisUnreachableError: Redis does not answer, also later within the block.
    """
    return _connector.open()


def key(execution_id: int, name: str = "units") -> str:
    """Redis key of an item of an execution."""
    return f"robotsim:live:{execution_id}:{name}"
