"""Copy one object from a store to another, verified on the way."""

import hashlib
import io
from dataclasses import dataclass
from typing import BinaryIO, cast

from storage.objects.base import ObjectStore

RANGE_BYTES = 8 << 20
"""Size of one range request."""


class DamagedError(Exception):
    """An object does not have the expected size or checksum."""


@dataclass(frozen=True)
class Content:
    """Expected content of an object: size in bytes, checksum in hex."""

    size: int
    sha256: str


class RangeReader:
    """Reader of an object, one range request after another.

    No connection stays open while the consumer is busy elsewhere, so a slow one is not cut off.
    """

    def __init__(self, store: ObjectStore, key: str, size: int) -> None:
        self._store = store
        self._key = key
        self._size = size
        self._offset = 0
        self._buffer: BinaryIO = io.BytesIO()

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, or everything that remains for -1; empty at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(RANGE_BYTES), b""))
        chunks = []
        while size:
            chunk = self._buffer.read(size)
            if not chunk and not self._fetch_next():
                break
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)

    def _fetch_next(self) -> bool:
        span = range(self._offset, min(self._offset + RANGE_BYTES, self._size))
        if not span:
            return False
        body = self._store.read(self._key, span)
        try:
            chunk = body.read(len(span))
        finally:
            body.close()
        if len(chunk) != len(span):
            raise DamagedError(self._key)
        self._buffer, self._offset = io.BytesIO(chunk), span.stop
        return True


class VerifyingReader:
    """Reader that raises DamagedError at the end of a stream whose checksum is wrong."""

    def __init__(self, source: RangeReader, key: str, content: Content) -> None:
        self._source = source
        self._key = key
        self._content = content
        self._digest = hashlib.sha256()
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        self._digest.update(chunk)
        self._position += len(chunk)
        # Checked with the last bytes: a consumer that knows the length does not read on to the end.
        if (
            self._position == self._content.size
            and self._digest.hexdigest() != self._content.sha256
        ):
            raise DamagedError(self._key)
        return chunk


def open_checked(store: ObjectStore, key: str, content: Content) -> BinaryIO:
    """Open an object that must have this content.

    Raises:
        FileNotFoundError: The object does not exist.
        DamagedError: Its size differs; reading raises it when the checksum differs.
    """
    info = store.stat(key)
    if info is None:
        raise FileNotFoundError(key)
    if info.size != content.size:
        raise DamagedError(key)
    return cast("BinaryIO", VerifyingReader(RangeReader(store, key, content.size), key, content))


def sha256_of(store: ObjectStore, key: str, size: int) -> str:
    """Read an object and compute its checksum."""
    digest = hashlib.sha256()
    reader = RangeReader(store, key, size)
    while chunk := reader.read(RANGE_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def copy_object(
    source: ObjectStore, key: str, target: ObjectStore, target_key: str, content: Content
) -> None:
    """Copy an object: inside the server where both stores are one, else through this process.

    Raises:
        FileNotFoundError: The object does not exist.
        DamagedError: It has another content; nothing is left at the target.
        StoreError: One of the stores is unreachable or refuses.
    """
    checked = open_checked(source, key, content)
    if not target.copy_from(source, key, target_key):
        target.put_stream(target_key, checked, size=content.size)
