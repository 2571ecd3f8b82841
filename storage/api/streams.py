"""Streaming of files and request bodies in chunks, under WSGI and ASGI."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from threading import Lock

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, UnreadablePostError
from django.utils.translation import gettext as _

from storage.exceptions import PartRefusedError
from storage.objects.base import Readable

CHUNK = 1 << 18


class Pieces:
    """An iterator of bytes that can be closed at any time, also from another thread."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._lock = Lock()
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read():
            yield chunk

    def read(self) -> bytes:
        """The next chunk; empty at the end."""
        with self._lock:
            return b"" if self._closed else next(self._pieces, b"")

    def close(self) -> None:
        """Stop, and close the underlying iterator."""
        with self._lock:
            self._closed = True
            if (close := getattr(self._pieces, "close", None)) is not None:
                close()


class AsyncPieces:
    """An asynchronous wrapper for ASGI, where Django would collect a synchronous iterator in memory."""

    def __init__(self, inner: Pieces) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await asyncio.to_thread(self._inner.read):
            yield chunk

    def close(self) -> None:
        self._inner.close()


def response_body(request: HttpRequest, pieces: Iterator[bytes]) -> Pieces | AsyncPieces:
    """Wrap an iterator so that the current server (WSGI or ASGI) streams it."""
    inner = Pieces(pieces)
    return AsyncPieces(inner) if isinstance(request, ASGIRequest) else inner


def pieces_of(source: Readable) -> Iterator[bytes]:
    """Iterate over the chunks of a stream, and close it at the end."""
    try:
        while chunk := source.read(CHUNK):
            yield chunk
    finally:
        source.close()


def body_chunks(request: HttpRequest, length: int) -> Iterator[bytes]:
    """Iterate over the body of a request in chunks.

    Raises:
        PartRefusedError: It ended before `length` bytes.
    """
    remaining = length
    while remaining:
        try:
            chunk = request.read(min(CHUNK, remaining))
        except UnreadablePostError:
            chunk = b""
        if not chunk:
            raise PartRefusedError(_("The part was truncated: send it again."))
        remaining -= len(chunk)
        yield chunk
