"""Connections that fail within about a second while PostgreSQL is unreachable.

A pool cannot distinguish a server that is unreachable from one that is busy, and lets each of a process's
few threads wait as long for either; then nothing else is answered, health included. Here a wait ends as soon
as the pool fails to connect, and from then on only one caller at a time tries, until the server is back.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

MAX_WAITS = 10
"""Number of pool timeouts (a second each) to wait for while all connections are in use."""


class Outage:
    """State of the server at this process's last attempt to connect."""

    def __init__(self) -> None:
        self.unreachable = False
        self._lock = threading.Lock()

    @contextmanager
    def single_attempt(self) -> Iterator[None]:
        """Attempt to connect; while the server is unreachable only one caller does, the others are refused.

        Raises:
            OperationalError: The server did not answer a moment ago, and another caller is trying.
        """
        acquired = self._lock.acquire(blocking=False)
        if self.unreachable and not acquired:
            raise OperationalError("The database did not answer a moment ago.")
        try:
            yield
        except OperationalError:
            self.unreachable = True
            raise
        else:
            self.unreachable = False
        finally:
            if acquired:
                self._lock.release()


class DatabaseWrapper(base.DatabaseWrapper):
    """Backend that takes connections from the pool and fails fast during an outage."""

    _outage = Outage()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if self.pool is None:  # probes and tools, with their own limits
            return super().get_new_connection(conn_params)
        with self._outage.single_attempt():
            return self._connect_from_pool(conn_params)

    def _connect_from_pool(self, conn_params: dict[str, Any]) -> Any:
        """Get a connection from the pool; wait while all are in use, not while the pool cannot connect."""
        failures = self._failures()
        for remaining in reversed(range(MAX_WAITS)):
            try:
                return super().get_new_connection(conn_params)
            except PoolTimeout:
                if not remaining or self._outage.unreachable or self._failures() > failures:
                    raise
        raise AssertionError  # the last wait returns or raises

    def _failures(self) -> int:
        """Number of failed attempts of the pool to connect."""
        return int(self.pool.get_stats().get("connections_errors", 0))
