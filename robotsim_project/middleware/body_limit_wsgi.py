"""The limits of bodies in front of Django under gunicorn's threads.

Django reads a body when somebody asks for it, and then all of it: files of a form go to disk before the view
knows who sends them, and a slow client holds its thread. A body without declared length is not read at all.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import connections

from robotsim_project.gunicorn import deadlines
from robotsim_project.middleware.body_limit import (
    SMALL_BYTES,
    BodyTooLargeError,
    BodyTooSlowError,
    language_of,
    max_bytes,
    refusal,
)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class TimedBody:
    """The body of a request; a read that takes too long raises TimeoutError."""

    def __init__(self, environ: Environ, length: int) -> None:
        self._body = environ["wsgi.input"]
        self._socket = environ["gunicorn.socket"]
        self._length = length
        self.is_late = False

    def read(self, size: int = -1) -> bytes:
        return self._timed(self._body.read, size)

    def readline(self, size: int = -1) -> bytes:
        return self._timed(self._body.readline, size)

    def _timed(self, read: Callable[[int], bytes], size: int) -> bytes:
        expected = size if 0 <= size < self._length else self._length
        seconds = settings.BODY_SECONDS + expected / deadlines.BYTES_PER_SECOND
        deadlines.watch(self._socket, seconds)
        try:
            data = read(size)
        finally:
            self.is_late |= not deadlines.forget(self._socket)
        if self.is_late:
            raise TimeoutError
        return data


def body_limit(django: App) -> App:
    """Wrap Django: refuse bodies that are too large or too slow, and end their connection."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        deadlines.forget(environ["gunicorn.socket"])  # the head has come
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not length:
            return django(environ, start_response)
        try:
            require_limit(environ, length)
        except Exception as error:  # noqa: BLE001  `refuse` raises what is neither refusal nor outage
            connections.close_all()
            return refuse(environ, start_response, error)
        body = environ["wsgi.input"] = TimedBody(environ, length)
        head: list[Any] = []
        answer = django(environ, lambda *words: head.extend(words))
        if body.is_late:
            close(answer)
            with language_of(WSGIRequest(environ)):
                late = BodyTooSlowError()
            return refuse(environ, start_response, late)
        start_response(*head)
        return answer

    return application


def require_limit(environ: Environ, length: int) -> None:
    """Check the declared length.

    Raises:
        Exception: The body is not taken; `refusal` knows the answer.
    """
    if length <= SMALL_BYTES:
        return
    request = WSGIRequest(environ)
    if length > max_bytes(request):
        with language_of(request):
            raise BodyTooLargeError


def refuse(environ: Environ, start_response: StartResponse, error: Exception) -> Iterable[bytes]:
    """Answer instead of Django; gunicorn reads no more and closes the connection."""
    response = refusal(WSGIRequest(environ), error)
    # WSGI has no word for it, and gunicorn drops a header `Connection`.
    if force_close := getattr(getattr(start_response, "__self__", None), "force_close", None):
        force_close()
    start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
    return [response.content]


def close(answer: Iterable[bytes]) -> None:
    """Close an answer that is not sent."""
    if (end := getattr(answer, "close", None)) is not None:
        end()
