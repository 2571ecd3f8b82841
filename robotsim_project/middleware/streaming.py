"""Streams outlive the request that asked for them: no thread, no database connection, no middleware waits.

Django keeps a thread for each request under ASGI until its response is complete; a stream that is open for
an hour would keep one for an hour. So a view answers with the head of the response and hands the stream over
in the scope; when Django is done with the request, the stream is sent from here, on the server's loop.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any

from django.conf import settings

from robotsim_project.health import draining
from simulations.api.stream import HANDED_OVER

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Stream = AsyncGenerator[bytes, None]

LAST_SECONDS = 1.0
"""How long the end of a stream may take to be sent when the server ends."""
_open: set[asyncio.Future[None]] = set()
"""One for each stream that is being sent; set when the server ends."""


def streaming(app: App) -> App:
    """An ASGI application that sends the streams which the views of `app` hand over."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        draining.listen()  # here, as the server has set its own handlers up by now
        given: list[Stream] = []
        opened = False

        async def head_only(message: Message) -> None:
            """Withhold the end of an empty body that a stream is to follow."""
            nonlocal opened
            if message["type"] == "http.response.start":
                opened = bool(given) and is_stream(message)
            elif opened:
                return
            await send(message)

        await app({**scope, HANDED_OVER: given}, receive, head_only)
        if opened:
            await deliver(given[0], receive, send)

    return application


def is_stream(start: Message) -> bool:
    """Whether a response is an event stream still, and not what a middleware made of it."""
    return start["status"] == 200 and any(  # noqa: PLR2004
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in start["headers"]
    )


async def deliver(stream: Stream, receive: Receive, send: Send) -> None:
    """Send a stream until it ends, the client goes or the server ends; who does not read is cut off.

    A stream that the server ends has no `end` in it: the client comes back, to another server, with the id of
    the last event.
    """
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    gone = asyncio.create_task(left(receive))
    sending = asyncio.create_task(pump(stream, send))
    _open.add(over)
    if draining.began():
        over.set_result(None)
    try:
        await asyncio.wait({gone, sending, over}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        _open.discard(over)
        broken_off = not sending.done()
        for task in (gone, sending):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await sending
    if over.done() and broken_off:
        await finish(send)


def end_all() -> None:
    """End all streams in good order; called within a signal."""
    for over in tuple(_open):
        over.get_loop().call_soon_threadsafe(_settle, over)


def _settle(over: "asyncio.Future[None]") -> None:
    if not over.done():
        over.set_result(None)


draining.when_begun(end_all)


async def finish(send: Send) -> None:
    """Send the end of a body, or cut the connection of a client that does not read."""
    try:
        async with asyncio.timeout(LAST_SECONDS):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except TimeoutError:
        cut(send)


async def pump(stream: Stream, send: Send) -> None:
    """Send all chunks and the end of the body, or cut the connection."""
    async with aclosing(stream) as chunks:
        async for chunk in chunks:
            try:
                async with asyncio.timeout(settings.STREAM_STALL_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except TimeoutError:
                cut(send)
                return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def cut(send: Send) -> None:
    """Drop a connection whose client does not read: a close would wait for it for ever.

    ASGI has no word for it; with uvicorn the transport is behind `send`.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()


async def left(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
