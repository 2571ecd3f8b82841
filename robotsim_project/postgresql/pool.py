"""Connections of the database pool, which are checked each time one is taken."""

import select
from typing import Any

import psycopg


class PooledConnection(psycopg.Connection[Any]):
    """Connection that answers the pool's empty query from the state of its socket, not by a round trip.

    A server that restarts or drops a connection closes it, and a closed socket is readable: then, as for any
    unexpected data, the query is sent as usual. A server that vanishes without closing is not noticed, but
    the query would only wait for it too.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> psycopg.Cursor[Any]:
        if query == "" and params is None and not options and self._is_idle():
            return self.cursor()
        return super().execute(query, params, **options)

    def _is_idle(self) -> bool:
        if self.closed or self.broken:
            return False
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN | select.POLLPRI | select.POLLRDHUP)
        return not poll.poll(0)
