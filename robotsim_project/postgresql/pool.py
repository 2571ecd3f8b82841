"""Connections of the database pool, which are asked whether they live each time that one is taken."""

import select
from typing import Any

import psycopg


class PooledConnection(psycopg.Connection[Any]):
    """Answers the pool's empty query by a look at its socket, without a round trip to the server.

    A server that restarts or drops a connection closes it, and a closed socket can be read: then, as for any
    other words that nobody asked for, the server is asked as before. A server that is gone without a
    word is not noticed by this, nor would the query be: both wait.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> psycopg.Cursor[Any]:
        if query == "" and params is None and not options and self._quiet():
            return self.cursor()
        return super().execute(query, params, **options)

    def _quiet(self) -> bool:
        if self.closed or self.broken:
            return False
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN | select.POLLPRI | select.POLLRDHUP)
        return not poll.poll(0)
