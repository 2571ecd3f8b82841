"""Full disks: as the cause of an error, and of a folder."""

import errno
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})
POSTGRESQL_DISK_FULL = "53100"
REDIS_FULL = ("MISCONF", "'maxmemory'")
"""In Redis's answers when it cannot write its append-only file, and when its memory is full."""
PROBE_BYTES = 1 << 20
"""A disk without room for so much counts as full."""


def is_full(error: BaseException | None) -> bool:
    """Return True when an error or one of its causes is a full disk, an exceeded quota or a full Redis."""
    return any(_is_full(cause) for cause in _causes(error))


def has_room(folder: Path) -> bool:
    """Write to a nameless file in a folder; False when its disk is full.

    Only writing tells: a quota is in no figure of the file system. Another error is another problem.
    """
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(PROBE_BYTES))
            return file.tell() == PROBE_BYTES  # the rest of a short write did not fit
    except OSError as error:
        return error.errno not in FULL_ERRORS


def full_folders() -> list[str]:
    """Name the settings of folders of this machine whose disk is full; TMPDIR keeps bodies of requests."""
    folders = {"DATA_DIR": settings.DATA_DIR, "TMPDIR": Path(tempfile.gettempdir())}
    return [name for name, folder in folders.items() if not has_room(folder)]


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in FULL_ERRORS
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    if type(error).__module__.startswith("redis."):
        return any(words in str(error) for words in REDIS_FULL)
    return getattr(error, "sqlstate", None) == POSTGRESQL_DISK_FULL


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
