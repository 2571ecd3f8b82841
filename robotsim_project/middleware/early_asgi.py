"""The entrance of early POSTs (heartbeats) under ASGI, on threads that stay.

Django gives each request under ASGI a thread and, with SQLite, a database connection of its own; a heartbeat
comes from each unit each second. Other requests go to Django, which answers registered reads early as well.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, cast

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.exception import convert_exception_to_response
from django.db import connections
from django.http import HttpResponse
from django.middleware.security import SecurityMiddleware

from common.rest.reads.early import MAX_BYTES, find
from robotsim_project.middleware.asgi_types import App, Receive, Scope, Send
from robotsim_project.middleware.early import layers
from robotsim_project.telemetry.request_log import request_ids

THREADS = 8
_secured: Any = SecurityMiddleware(convert_exception_to_response(layers))
respond: Callable[[ASGIRequest], HttpResponse] = cast(Any, request_ids(_secured))


def early_posts(django: App) -> App:
    """An application that answers registered POSTs itself and hands the rest to `django`."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="early")

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        view = find(scope["path"]) if is_post else None
        if view is None or view.method != "POST":
            await django(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(threads, answer, scope, body)
        headers = [(n.lower().encode(), v.encode("latin-1")) for n, v in response.items()]
        start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": response.content})

    return application


async def read_body(receive: Receive) -> bytes | None:
    """The whole body, or enough of one that is too long; None when the client has gone."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if len(body) <= MAX_BYTES:
            body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def answer(scope: Scope, body: bytes) -> HttpResponse:
    """The view's answer, on a thread of the pool."""
    request = ASGIRequest(scope, BytesIO(body))
    request.META["CONTENT_LENGTH"] = str(len(body))  # the view refuses by it what is too long
    response = respond(request)
    for connection in connections.all(initialized_only=True):
        # One to a file may stay open; one of a pool goes back to it.
        if connection.vendor != "sqlite" or response.status_code >= 500:  # noqa: PLR2004
            connection.close()
    return response
