"""Checksums of files, and of a bundle as a whole."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO


class HashingReader:
    """A readable stream that hashes what passes through it; `size` in bytes."""

    def __init__(self, source: IO[bytes], on_read: Callable[[int], None] | None = None) -> None:
        self._source = source
        self._on_read = on_read
        self._digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        self._digest.update(chunk)
        self.size += len(chunk)
        if self._on_read is not None:
            self._on_read(len(chunk))
        return chunk

    @property
    def sha256(self) -> str:
        """SHA-256 of what was read so far, in hex."""
        return self._digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_digest(files: Iterable[tuple[str, str]]) -> str:
    """Digest of a bundle from (path, sha256 in hex) of its files, in any order."""
    lines = "".join(f"{path}\0{sha256}\n" for path, sha256 in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()
