"""The workers of both servers."""

from typing import Any

from gunicorn.workers.gthread import ThreadWorker
from uvicorn_worker import UvicornWorker

from robotsim_project.gunicorn.shared import GRACE_SECONDS


class WebWorker(ThreadWorker):  # type: ignore[misc]  # the library has no types
    """gunicorn's, which closes its door when it drains.

    The library leaves the socket open until its last request is answered: who calls meanwhile would wait for
    an answer that does not come, where a refusal sends a proxy to another server at once.
    """

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001  as in the library
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                self._take_in(listener)
                listener.close()

    def _take_in(self, listener: Any) -> None:
        """Accept all who were there before the door closes."""
        before = -1
        while self.nr_conns != before:
            before = self.nr_conns
            self.accept(listener)


class StreamWorker(UvicornWorker):  # type: ignore[misc]  # the library has no types
    """uvicorn without what is not used, and with an end: streams end at once, requests have their time."""

    CONFIG_KWARGS: dict[str, Any] = {
        "loop": "uvloop",
        "http": "httptools",
        "lifespan": "off",
        "proxy_headers": False,
        "timeout_graceful_shutdown": GRACE_SECONDS - 3,
    }
