"""Limit of the size of request bodies under ASGI, where Django reads the whole body before it calls a view.

Parts of uploads to the folder store are exempt: their view reads them in chunks and knows their size.
Everything else is limited by the largest form that is accepted.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from common.problems import MEDIA_TYPE, Problem

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PARTS = "/storage/objects/"
FORM_OVERHEAD_BYTES = 2**20
"""Bytes that a form adds to its files: boundaries, names, other fields."""


class _TooLargeError(Exception):
    """The body is larger than the limit."""


def body_limit(inner: App) -> App:
    """Wrap an application: answer 413 as soon as a body is too large, and pass on all other requests."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(PARTS):
            await inner(scope, receive, send)
            return
        limit = settings.UPLOAD_FORM_BYTES + FORM_OVERHEAD_BYTES
        if _declared(scope) > limit:
            await _refuse(send)
            return
        try:
            await inner(scope, _limited(receive, limit), send)
        except _TooLargeError:
            await _refuse(send)

    return application


def _declared(scope: Scope) -> int:
    value = dict(scope["headers"]).get(b"content-length", b"0")
    return int(value) if value.isdigit() else 0


def _limited(receive: Receive, limit: int) -> Receive:
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise _TooLargeError
        return message

    return limited


async def _refuse(send: Send) -> None:
    text = _("The request is too large. Send large rosbags in parts: POST /uploads.")
    body = json.dumps(Problem(413, "TOO_LARGE", text).document()).encode()
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
