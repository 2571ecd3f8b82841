"""Heads of requests at the server of streams: short, and there in time. uvicorn itself limits neither."""

import asyncio
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 128 * 2**10
"""Longer than what gunicorn takes in practice, and than any proxy sends."""


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol, which ends the connection of a head that is too long or too slow.

    The parser keeps a head until it is complete, without end, and copies it with each piece that comes.
    """

    _is_in_head = True
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if not (self._is_in_head and self._head_bytes) or self.transport.is_closing():
            return
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The head of the request is too long.")
        elif self._deadline is None:  # a further request of a connection that is kept
            self._start_deadline()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._forget_deadline()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def _start_deadline(self) -> None:
        close: Any = self.transport.close
        self._deadline = self.loop.call_later(settings.BODY_SECONDS, close)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
