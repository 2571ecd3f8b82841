"""Files and request bodies in pieces: nothing is ever whole in memory, on threads and on ASGI alike."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, UnreadablePostError
from django.utils.translation import gettext as _

from storage.exceptions import PartRefusedError

CHUNK = 1 << 18


class Slice:
    """`length` bytes of a file from where it stands; closing it closes the file."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read():
            yield chunk

    def read(self) -> bytes:
        """The next piece, empty at the end."""
        chunk = self._file.read(min(CHUNK, self._left))
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        self._file.close()


class AsyncSlice:
    """The same for ASGI, where Django would gather a plain iterator in memory first."""

    def __init__(self, inner: Slice) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await asyncio.to_thread(self._inner.read):
            yield chunk

    def close(self) -> None:
        self._inner.close()


def response_body(request: HttpRequest, file: BinaryIO, length: int) -> Slice | AsyncSlice:
    """The part of the file in the form that the server at hand streams."""
    inner = Slice(file, length)
    return AsyncSlice(inner) if isinstance(request, ASGIRequest) else inner


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
