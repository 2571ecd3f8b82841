"""The short way of heartbeats under ASGI: past Django's middleware, on threads that stay.

Django's own way gives each request a thread and a database connection of its own and takes it through nine
middlewares, none of which does anything for a unit, from each unit each second. Everything else goes Django's
way, also all other calls of units.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import structlog
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpResponse

from common.problems import internal_error
from robotsim_project.telemetry import request_log
from simulations.api import units

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

THREADS = 8
log = structlog.get_logger(__name__)


def heartbeats(django: App) -> App:
    """An application that answers heartbeats itself and hands the rest to `django`."""
    path = f"{settings.API_STR}/units/report"
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="heartbeat")

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != path:
            await django(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            return  # the unit hung up
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(threads, answer, scope, body)
        headers = [(n.lower().encode(), v.encode("latin-1")) for n, v in response.items()]
        headers.append((b"content-length", str(len(response.content)).encode()))
        start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": response.content})

    return application


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or what shows the view that it is too long; None when it broke off."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if len(body) <= units.MOST_BYTES:
            body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def answer(scope: Scope, body: bytes) -> HttpResponse:
    """The view's answer, on a thread of the pool."""
    request = ASGIRequest(scope, BytesIO(body))
    request_id = request_log.bind_request_id(request.META.get("HTTP_X_REQUEST_ID", ""))
    response = taken(request, body)
    response[request_log.HEADER] = request_id
    for connection in connections.all(initialized_only=True):
        # One to a file may stay open; one of a pool goes back to it.
        if connection.vendor != "sqlite" or response.status_code >= 500:  # noqa: PLR2004
            connection.close()
    return response


def taken(request: ASGIRequest, body: bytes) -> HttpResponse:
    """What the view says, or why it was not asked."""
    if len(body) > units.MOST_BYTES:
        return units.counted(units.too_large())
    try:
        return units.report(request)
    except Exception:
        log.exception("heartbeat_failed")
        return units.counted(internal_error().response())
