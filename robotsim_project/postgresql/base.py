"""PostgreSQL that may be away: who asks for a connection is told within a second or so.

A pool cannot tell a server that is away from one that is busy, and lets each of a process's few threads
wait as long for either; then nothing else is answered, health included. Here a wait ends as soon as the pool
failed to connect, and from then on only one caller at a time tries, until the server is back.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

WAITS = 10
"""How often the pool's `timeout` (a second) is waited for where all connections are in use."""


class Outage:
    """Whether the server was away when this process asked last."""

    def __init__(self) -> None:
        self.away = False
        self._asking = threading.Lock()

    @contextmanager
    def one_asks(self) -> Iterator[None]:
        """Ask; while the server is away one caller does, the others are refused at once.

        Raises:
            OperationalError: it did not answer a moment ago, and somebody is asking already.
        """
        asks = self._asking.acquire(blocking=False)
        if self.away and not asks:
            raise OperationalError("The database did not answer a moment ago.")
        try:
            yield
        except OperationalError:
            self.away = True
            raise
        else:
            self.away = False
        finally:
            if asks:
                self._asking.release()


class DatabaseWrapper(base.DatabaseWrapper):
    """Connections of the pool, or the news that there are none."""

    _outage = Outage()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if self.pool is None:  # probes and tools, with a limit of their own
            return super().get_new_connection(conn_params)
        with self._outage.one_asks():
            return self._patiently(conn_params)

    def _patiently(self, conn_params: dict[str, Any]) -> Any:
        """A connection of the pool: waited for while others hold them, not while there are none."""
        failed = self._failures()
        for left in reversed(range(WAITS)):
            try:
                return super().get_new_connection(conn_params)
            except PoolTimeout:
                if not left or self._outage.away or self._failures() > failed:
                    raise
        raise AssertionError  # the last wait returns or raises

    def _failures(self) -> int:
        """How often the pool could not connect, so far."""
        return int(self.pool.get_stats().get("connections_errors", 0))
