"""Carrying one object from a store to another, checked on the way."""

import hashlib
import io
from dataclasses import dataclass
from typing import BinaryIO, cast

from storage.objects.base import ObjectStore

SPAN = 8 << 20
"""Bytes of an object that are asked for at once."""


class DamagedError(Exception):
    """An object has another size or checksum than it is known by."""


@dataclass(frozen=True)
class Content:
    """What an object holds: size in bytes, checksum in hex."""

    size: int
    sha256: str


class Spans:
    """An object from its beginning to its end, a span at a time.

    No connection stays open while the reader is busy elsewhere: a slow one is not cut off.
    """

    def __init__(self, store: ObjectStore, key: str, size: int) -> None:
        self._store = store
        self._key = key
        self._size = size
        self._asked = 0
        self._span: BinaryIO = io.BytesIO()

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, all that is left for -1, empty at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(SPAN), b""))
        found = []
        while size:
            chunk = self._span.read(size)
            if not chunk and not self._next():
                break
            found.append(chunk)
            size -= len(chunk)
        return b"".join(found)

    def _next(self) -> bool:
        span = range(self._asked, min(self._asked + SPAN, self._size))
        if not span:
            return False
        body = self._store.read(self._key, span)
        try:
            chunk = body.read(len(span))
        finally:
            body.close()
        if len(chunk) != len(span):
            raise DamagedError(self._key)
        self._span, self._asked = io.BytesIO(chunk), span.stop
        return True


class Checked:
    """A stream that raises DamagedError instead of its end when it was another content."""

    def __init__(self, source: Spans, key: str, content: Content) -> None:
        self._source = source
        self._key = key
        self._content = content
        self._digest = hashlib.sha256()
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        self._digest.update(chunk)
        self._read += len(chunk)
        # With its last bytes already: who knows the length does not ask for the end.
        if self._read == self._content.size and self._digest.hexdigest() != self._content.sha256:
            raise DamagedError(self._key)
        return chunk


def open_checked(store: ObjectStore, key: str, content: Content) -> BinaryIO:
    """Read an object that must be this.

    Raises:
        FileNotFoundError: it is not there.
        DamagedError: it has another size; reading it raises it for another checksum.
    """
    found = store.stat(key)
    if found is None:
        raise FileNotFoundError(key)
    if found.size != content.size:
        raise DamagedError(key)
    return cast("BinaryIO", Checked(Spans(store, key, content.size), key, content))


def sha256_of(store: ObjectStore, key: str, size: int) -> str:
    """Checksum of an object, read for it."""
    digest = hashlib.sha256()
    spans = Spans(store, key, size)
    while chunk := spans.read(SPAN):
        digest.update(chunk)
    return digest.hexdigest()


def carry(
    source: ObjectStore, key: str, target: ObjectStore, target_key: str, content: Content
) -> None:
    """Copy an object: inside the server where both are one, else through here with its checksum.

    Raises:
        FileNotFoundError: it is not there.
        DamagedError: it is not this content; nothing is left at the target.
        StoreError: one of the two is away or refuses.
    """
    checked = open_checked(source, key, content)
    if not target.copy_from(source, key, target_key):
        target.put_stream(target_key, checked, size=content.size)
