"""Event streams are sent by the server's event loop, without a thread, a database connection or a middleware.

Under ASGI Django keeps a thread for each request until its response is complete, so a stream that is open for
an hour would occupy one for an hour. Instead a view answers with the head of the response and puts the stream
into the scope; when Django has finished the request, the stream is sent from here.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from django.conf import settings

from robotsim_project.health import draining
from robotsim_project.middleware.asgi_types import App, Message, Receive, Scope, Send
from simulations.api.stream import HANDED_OVER

Stream = AsyncGenerator[bytes, None]

FINISH_SECONDS = 1.0
"""Time for sending the end of a stream when the server ends."""
_endings: set[asyncio.Future[None]] = set()
"""One future for each stream that is being sent; resolved when the server ends."""


def streaming(app: App) -> App:
    """Wrap an ASGI application: send the streams that its views put into the scope."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        draining.install_handlers()  # not earlier: by now the server has installed its own
        streams: list[Stream] = []
        streaming_started = False

        async def head_only(message: Message) -> None:
            """Hold back the end of an empty body that is followed by a stream."""
            nonlocal streaming_started
            if message["type"] == "http.response.start":
                streaming_started = bool(streams) and is_stream(message)
            elif streaming_started:
                return
            await send(message)

        await app({**scope, HANDED_OVER: streams}, receive, head_only)
        if streaming_started:
            await deliver(streams[0], receive, send)

    return application


def is_stream(start: Message) -> bool:
    """Return True when a response is an event stream, and no middleware has replaced it."""
    return start["status"] == 200 and any(  # noqa: PLR2004
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in start["headers"]
    )


async def deliver(stream: Stream, receive: Receive, send: Send) -> None:
    """Send a stream until it ends, the client disconnects or the server ends.

    A client that does not read is disconnected. A stream that the server ends has no `end` event: the client
    reconnects, to another server, with the id of the last event.
    """
    ending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    disconnected = asyncio.create_task(wait_for_disconnect(receive))
    sending = asyncio.create_task(send_all(stream, send))
    _endings.add(ending)
    if draining.is_draining():
        ending.set_result(None)
    try:
        await asyncio.wait({disconnected, sending, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        _endings.discard(ending)
        interrupted = not sending.done()
        for task in (disconnected, sending):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await sending
    if ending.done() and interrupted:
        await finish(send)


def end_all() -> None:
    """End all streams properly; called by a signal handler."""
    for ending in tuple(_endings):
        ending.get_loop().call_soon_threadsafe(_resolve, ending)


def _resolve(ending: "asyncio.Future[None]") -> None:
    if not ending.done():
        ending.set_result(None)


draining.on_drain(end_all)


async def finish(send: Send) -> None:
    """Send the end of a body, or abort the connection of a client that does not read."""
    try:
        async with asyncio.timeout(FINISH_SECONDS):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except TimeoutError:
        abort(send)


async def send_all(stream: Stream, send: Send) -> None:
    """Send all chunks and the end of the body, or abort the connection."""
    async with aclosing(stream) as chunks:
        async for chunk in chunks:
            try:
                async with asyncio.timeout(settings.STREAM_STALL_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except TimeoutError:
                abort(send)
                return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def abort(send: Send) -> None:
    """Abort the connection of a client that does not read: a close would wait for it forever.

    ASGI has no message for this; with uvicorn the transport belongs to the object behind `send`.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()


async def wait_for_disconnect(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
