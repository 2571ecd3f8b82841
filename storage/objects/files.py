"""Writing files atomically and durably: readers see a complete file or none, even after a power cut."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from django.utils.translation import gettext as _

from common import disks
from storage.objects.base import StoreError, StoreFullError

CHUNK = 1 << 20
COPY_BYTES = 1 << 30
SCRATCH = ".scratch"
"""Folder of unfinished files, below the root of a store."""
STALE_SECONDS = 86400


@contextmanager
def store_errors() -> Iterator[None]:
    """Convert disk errors to StoreError; a missing file stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if disks.is_full(error):
            raise StoreFullError(full_message()) from error
        message = _(
            "The storage folder cannot be used (%(reason)s): check the disk and the permissions."
        )
        message %= {"reason": error.strerror or type(error).__name__}
        raise StoreError(message) from error


def full_message() -> str:
    """Message about a full disk."""
    return _("The storage disk is full: free some space, then try again.")


class FileSlice:
    """`length` bytes of a file from its current position; closing it closes the file."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file = file
        self._remaining = length

    def read(self, size: int, /) -> bytes:
        chunk = self._file.read(min(size, self._remaining))
        self._remaining -= len(chunk)
        return chunk

    def close(self) -> None:
        self._file.close()


@contextmanager
def new_file(scratch: Path) -> Iterator[IO[bytes]]:
    """A temporary file that is synced to disk when the block ends, and removed if the block fails."""
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / uuid4().hex
    try:
        with path.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def append(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy the rest of a file to the end of another, within the kernel if possible."""
    target.flush()
    try:
        while os.copy_file_range(source.fileno(), target.fileno(), COPY_BYTES):
            pass
    except AttributeError:
        pass  # another system than Linux
    except OSError as error:
        if disks.is_full(error):
            raise
    # The remainder: everything on file systems without support, nothing otherwise.
    source.seek(os.lseek(source.fileno(), 0, os.SEEK_CUR))
    target.seek(0, os.SEEK_END)
    shutil.copyfileobj(source, target, CHUNK)


def move_into_place(source: Path, target: Path) -> None:
    """Move a finished file to its target atomically, and make the move durable."""
    while True:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.replace(target)
        except FileNotFoundError:
            # Another process pruned the empty folder between the two calls.
            if not source.exists():
                raise
            continue
        break
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Sync the entries of a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_stale(scratch: Path) -> None:
    """Remove temporary files that killed writers left behind more than a day ago."""
    if not scratch.is_dir():
        return
    oldest = time.time() - STALE_SECONDS
    for path in scratch.iterdir():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def prune_empty(folder: Path, root: Path) -> None:
    """Remove a folder and its parents below `root` while they are empty."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
