"""The limits of bodies in front of Django under ASGI, where it keeps a whole body before it looks at it."""

import asyncio
from io import BytesIO

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import connections

from robotsim_project.gunicorn.deadlines import BYTES_PER_SECOND
from robotsim_project.middleware.asgi_types import App, Message, Receive, Scope, Send
from robotsim_project.middleware.body_limit import (
    SMALL_BYTES,
    BodyTooLargeError,
    BodyTooSlowError,
    language_of,
    max_bytes,
    refusal,
)


class _RefusedError(Exception):
    """The body is not taken; the cause says why."""


def body_limit(inner: App) -> App:
    """Wrap an application: refuse bodies that are too large or too slow, and end their connection."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        body = Body(scope, receive)
        try:
            await body.require(declared_length(scope))
            await inner(scope, body.receive, send)
        except _RefusedError as refused:
            await refuse(scope, send, refused.__cause__)

    return application


class Body:
    """The body of a request, counted while it comes."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self._limit = SMALL_BYTES
        self._limit_is_final = False
        self._received = 0
        self._is_complete = False
        self._start = asyncio.get_running_loop().time()

    async def receive(self) -> Message:
        """Receive a message, for the application behind."""
        if self._is_complete:
            return await self._receive()
        message = await self._receive_in_time()
        self._is_complete = not message.get("more_body", False)
        self._received += len(message.get("body", b""))
        await self.require(self._received)
        return message

    async def require(self, size: int) -> None:
        """Check that the body may have so many bytes.

        Raises:
            _RefusedError: It may not.
        """
        if size <= self._limit:
            return
        try:
            if not self._limit_is_final:
                self._limit = await asyncio.to_thread(_max_bytes, self._scope)
                self._limit_is_final = True
            if size > self._limit:
                with language_of(_head(self._scope)):
                    raise BodyTooLargeError
        except Exception as error:
            raise _RefusedError from error

    async def _receive_in_time(self) -> Message:
        seconds = settings.BODY_SECONDS + self._received / BYTES_PER_SECOND
        try:
            async with asyncio.timeout_at(self._start + seconds):
                return await self._receive()
        except TimeoutError:
            with language_of(_head(self._scope)):
                raise _RefusedError from BodyTooSlowError()


def declared_length(scope: Scope) -> int:
    """Length of the body by its header; 0 without one."""
    value = dict(scope["headers"]).get(b"content-length", b"0")
    return int(value) if value.isdigit() else 0


def _head(scope: Scope) -> ASGIRequest:
    """The request without its body, and without its query, which may be malformed."""
    return ASGIRequest({**scope, "query_string": b""}, BytesIO())


def _max_bytes(scope: Scope) -> int:
    try:
        return max_bytes(_head(scope))
    finally:
        connections.close_all()  # the next call may be on another thread


async def refuse(scope: Scope, send: Send, error: BaseException | None) -> None:
    """Answer instead of Django; the server reads no more and closes the connection."""
    assert isinstance(error, Exception)  # noqa: S101  as `Body` has raised it
    response = refusal(_head(scope), error)
    headers = [(n.lower().encode(), v.encode("latin-1")) for n, v in response.items()]
    headers += [
        (b"content-length", str(len(response.content)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
