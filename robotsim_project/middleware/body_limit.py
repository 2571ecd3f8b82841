"""Under ASGI Django takes in a whole body before any view can refuse it: what is too large is cut off here.

Parts of uploads to the folder store are as large as they were planned; their view reads them piece by piece
and knows their size. Everything else is bounded by the largest form that is taken.
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
FRAME_BYTES = 2**20
"""What a form adds to its files: boundaries, names, other fields."""


class _TooLargeError(Exception):
    """The body goes on beyond the limit."""


def body_limit(inner: App) -> App:
    """An application that answers 413 as soon as a body is too large, and hands the rest to `inner`."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(PARTS):
            await inner(scope, receive, send)
            return
        most = settings.UPLOAD_FORM_BYTES + FRAME_BYTES
        if _declared(scope) > most:
            await _refuse(send)
            return
        try:
            await inner(scope, _counted(receive, most), send)
        except _TooLargeError:
            await _refuse(send)

    return application


def _declared(scope: Scope) -> int:
    value = dict(scope["headers"]).get(b"content-length", b"0")
    return int(value) if value.isdigit() else 0


def _counted(receive: Receive, most: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise _TooLargeError
        return message

    return counted


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
