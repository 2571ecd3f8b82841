"""Opening a stranger's SQLite file: never written to, never trusted."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rosbag2.budget import MAX_MESSAGE, Budget
from rosbag2.errors import BagError
from rosbag2.formats.bundle import DataFile
from rosbag2.reading.failures import guarded

_HEADER_BYTES = 100
_WAL_MODE = b"\2\2"
_MAX_BYTES = MAX_MESSAGE + 2**20
# A scan needs less than one step of SQLite's machine per byte; loops that a file makes up need more.
_STEPS_ALWAYS = 50_000_000
_STEPS_PER_BYTE = 4
_STEPS_PER_TICK = 100_000
# Bytes of work that a tick counts as; it takes SQLite about a millisecond.
_TICK_BYTES = 2**14
_COPY_BYTES = 2**22


@contextmanager
def opened(
    file: DataFile, source: Path, spare: Callable[[], Path], budget: Budget
) -> Iterator[tuple[sqlite3.Connection, int]]:
    """Open a read-only connection to a database with its journal, and yield it with the bytes of both.

    `file` is named as in the bag, `source` its (unpacked) content. The bag's folder may be read-only and
    stays as it is: a file with a journal is read from a copy in the folder that `spare` makes.

    Raises:
        BagError: FILE_UNREADABLE, FILE_DAMAGED.
    """
    with guarded(file.name):
        journals = [path for path in _journals(source) if _filled(path)]
        size = sum(path.stat().st_size for path in (source, *journals))
        if not journals:
            _check_complete(file.name, source)
        with closing(_connect(source, spare, budget)) as connection:
            _harden(connection, size, budget)
            yield connection, size


def _harden(connection: sqlite3.Connection, size: int, budget: Budget) -> None:
    """Keep the file from running code, from being written, and from endless queries."""
    # A name that is not UTF-8 must not stop the whole bag.
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for pragma in (
        "trusted_schema = OFF",
        "query_only = ON",
        "cell_size_check = ON",
        "mmap_size = 0",
        # Sorting without an index on time spills to a file, not to memory.
        "temp_store = FILE",
    ):
        connection.execute(f"PRAGMA {pragma}")
    left = (_STEPS_ALWAYS + size * _STEPS_PER_BYTE) // _STEPS_PER_TICK

    def tick() -> bool:
        nonlocal left
        left -= 1
        budget.advance(_TICK_BYTES)
        return left < 0

    connection.set_progress_handler(tick, _STEPS_PER_TICK)


def _connect(path: Path, spare: Callable[[], Path], budget: Budget) -> sqlite3.Connection:
    wal, journal = _journals(path)
    if _filled(journal):
        # Rolling back writes to the file.
        copy = spare() / "data.db3"
        _copy(path, copy, budget)
        _copy_beside(path, [journal, wal], copy)
        return sqlite3.connect(copy.as_uri(), uri=True, check_same_thread=False)
    if _filled(wal):
        copy = spare() / "data.db3"
        if not _linked(path, copy):
            _copy(path, copy, budget)
        _copy_beside(path, [wal], copy)
        return sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True, check_same_thread=False)
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True, check_same_thread=False)


def _journals(path: Path) -> tuple[Path, Path]:
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-journal")


def _filled(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size > 0


def _copy(path: Path, copy: Path, budget: Budget) -> None:
    with path.open("rb") as source, copy.open("wb") as target:
        while block := source.read(_COPY_BYTES):
            target.write(block)
            budget.advance(len(block))


def _copy_beside(path: Path, beside: list[Path], copy: Path) -> None:
    """Journals keep their ending beside the copy."""
    for extra in filter(_filled, beside):
        ending = extra.name.removeprefix(path.name)
        shutil.copyfile(extra, copy.with_name(copy.name + ending))


def _linked(path: Path, copy: Path) -> bool:
    """A hard link instead of a copy, where the machine allows it; a symbolic one finds the old WAL."""
    try:
        os.link(path.resolve(), copy)
    except OSError:
        return False
    return True


def lacks_wal(path: Path) -> bool:
    """Return whether a database was written with a WAL that is not there; sound ones lack it too."""
    with path.open("rb") as stream:
        is_wal = stream.read(20)[18:] == _WAL_MODE
    return is_wal and not _filled(_journals(path)[0])


def _check_complete(name: str, path: Path) -> None:
    """A file cut off in transit is found by the page count in its header, where that is kept up."""
    with path.open("rb") as stream:
        head = stream.read(_HEADER_BYTES)
        size = stream.seek(0, os.SEEK_END)
    page = int.from_bytes(head[16:18], "big")
    page = 65536 if page == 1 else page
    if head[18:20] == _WAL_MODE and size == page:
        # One page has no room for a table: all of them are in the WAL.
        raise BagError("WAL_MISSING", file=name, wal=f"{name}-wal")
    pages = int.from_bytes(head[28:32], "big")
    kept_up = head[24:28] == head[92:96]
    if len(head) < _HEADER_BYTES or (kept_up and size < page * pages):
        reason = f"it has {size} of {page * pages} bytes"
        raise BagError("FILE_DAMAGED", file=name, reason=reason)
