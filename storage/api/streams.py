"""Files and request bodies in pieces: nothing is ever whole in memory, on threads and on ASGI alike."""

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
    """An iterator of bytes that may be closed at any moment, by another thread too."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._lock = Lock()
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read():
            yield chunk

    def read(self) -> bytes:
        """The next piece, empty at the end."""
        with self._lock:
            return b"" if self._closed else next(self._pieces, b"")

    def close(self) -> None:
        """Stop; what it reads from is closed with it."""
        with self._lock:
            self._closed = True
            if (close := getattr(self._pieces, "close", None)) is not None:
                close()


class AsyncPieces:
    """The same for ASGI, where Django would gather a plain iterator in memory first."""

    def __init__(self, inner: Pieces) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await asyncio.to_thread(self._inner.read):
            yield chunk

    def close(self) -> None:
        self._inner.close()


def response_body(request: HttpRequest, pieces: Iterator[bytes]) -> Pieces | AsyncPieces:
    """The bytes in the form that the server at hand streams."""
    inner = Pieces(pieces)
    return AsyncPieces(inner) if isinstance(request, ASGIRequest) else inner


def pieces_of(source: Readable) -> Iterator[bytes]:
    """All that a stream yields, which is closed at the end."""
    try:
        while chunk := source.read(CHUNK):
            yield chunk
    finally:
        source.close()


def body_chunks(request: HttpRequest, length: int) -> Iterator[bytes]:
    """The body of a request piece by piece.

    Raises:
        PartRefusedError: it ended before `length` bytes.
    """
    left = length
    while left:
        try:
            chunk = request.read(min(CHUNK, left))
        except UnreadablePostError:
            chunk = b""
        if not chunk:
            raise PartRefusedError(_("The part was cut short: send it again."))
        left -= len(chunk)
        yield chunk
