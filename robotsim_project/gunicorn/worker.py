"""The gunicorn workers of both servers."""

from typing import Any

from django.conf import settings
from gunicorn.workers.gthread import ThreadWorker
from uvicorn_worker import UvicornWorker

from robotsim_project.gunicorn import deadlines
from robotsim_project.gunicorn.heads import BoundedHeads
from robotsim_project.gunicorn.shared import GRACE_SECONDS


class WebWorker(ThreadWorker):  # type: ignore[misc]  # the library has no types
    """Worker that closes its listening socket when it drains, and waits for no slow client.

    The library keeps the socket open until the last request is answered: a client that connects meanwhile
    would wait for an answer that never comes, while a refused connection sends a proxy to another server at
    once.
    """

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001  as in the library
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                self._accept_pending(listener)
                listener.close()

    def handle(self, conn: Any) -> Any:
        """Handle a request, whose head has to come in time; `body_limit` sets the limit of its body."""
        deadlines.watch(conn.sock, settings.BODY_SECONDS)
        try:
            return super().handle(conn)
        finally:
            deadlines.forget(conn.sock)

    def murder_pending(self) -> None:
        """Run in the main loop once a second: end what is overdue."""
        super().murder_pending()
        deadlines.end_overdue()

    def _accept_pending(self, listener: Any) -> None:
        """Accept all connections that are waiting before the socket is closed."""
        before = -1
        while self.nr_conns != before:
            before = self.nr_conns
            self.accept(listener)


class StreamWorker(UvicornWorker):  # type: ignore[misc]  # the library has no types
    """uvicorn without unused features; at shutdown streams end at once, requests are given time.

    `heads` limits what `body_limit` cannot see.
    """

    CONFIG_KWARGS: dict[str, Any] = {
        "loop": "uvloop",
        "http": BoundedHeads,
        "ws": "none",  # else Django fails on each attempt, with a traceback in the log
        "lifespan": "off",
        "proxy_headers": False,
        "timeout_graceful_shutdown": GRACE_SECONDS - 3,
    }
