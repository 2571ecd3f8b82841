"""Opening a stranger's SQLite file: never written to, never trusted."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rosbag2.bundle import DataFile
from rosbag2.errors import BagError
from rosbag2.metadata import is_lfs_pointer

_MAGIC = b"SQLite format 3\0"
_ZSTD = b"\x28\xb5\x2f\xfd"
_MCAP = b"\x89MCAP0"
_HEADER_BYTES = 100


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Turn SQLite's complaints about a file into a BagError.

    Raises:
        BagError: FILE_DAMAGED, FILE_UNREADABLE.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        away = getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CANTOPEN", "SQLITE_FULL"))
        code = "FILE_UNREADABLE" if away else "FILE_DAMAGED"
        raise BagError(code, file=name, reason=str(error)) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BagError("FILE_UNREADABLE", file=name, reason=reason) from error


@contextmanager
def opened(file: DataFile) -> Iterator[sqlite3.Connection]:
    """A read-only connection to a data file, with what its journal beside it holds.

    The bag's folder may be read-only and stays as it is: a file with a journal is read from a copy.

    Raises:
        BagError: FILE_NOT_SQLITE, FILE_IS_LFS_POINTER, STORAGE_UNSUPPORTED, COMPRESSION_UNSUPPORTED,
            FILE_UNREADABLE, FILE_DAMAGED.
    """
    with guarded(file.name), TemporaryDirectory(prefix="robotsim-bag-") as spare:
        _check_kind(file)
        with closing(_connect(file.path, Path(spare))) as connection:
            # A name that is not UTF-8 must not stop the whole bag.
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA cell_size_check = ON")
            yield connection


def _connect(path: Path, spare: Path) -> sqlite3.Connection:
    wal, journal = _journals(path)
    if _filled(journal):
        # Rolling back writes to the file.
        copy = _copied(path, [journal, wal], spare, link=False)
        return sqlite3.connect(copy.as_uri(), uri=True, check_same_thread=False)
    if _filled(wal):
        copy = _copied(path, [wal], spare, link=True)
        return sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True, check_same_thread=False)
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True, check_same_thread=False)


def _journals(path: Path) -> tuple[Path, Path]:
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-journal")


def _filled(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _copied(path: Path, beside: list[Path], spare: Path, *, link: bool) -> Path:
    copy = spare / "data.db3"
    if not (link and _linked(path, copy)):
        shutil.copyfile(path, copy)
    for extra in filter(_filled, beside):
        shutil.copyfile(extra, spare / (copy.name + extra.name.removeprefix(path.name)))
    return copy


def _linked(path: Path, copy: Path) -> bool:
    """A hard link instead of a copy, where the machine allows it; a symbolic one finds the old WAL."""
    try:
        os.link(path.resolve(), copy)
    except OSError:
        return False
    return True


def _check_kind(file: DataFile) -> None:
    with file.path.open("rb") as stream:
        head = stream.read(_HEADER_BYTES)
        size = stream.seek(0, os.SEEK_END)
    if is_lfs_pointer(head):
        raise BagError("FILE_IS_LFS_POINTER", file=file.name)
    if head.startswith(_ZSTD):
        raise BagError("COMPRESSION_UNSUPPORTED", file=file.name, compression="zstd")
    if head.startswith(_MCAP):
        raise BagError("STORAGE_UNSUPPORTED", file=file.name, storage="mcap")
    if not head.startswith(_MAGIC):
        reason = "it begins otherwise" if size else "it is empty"
        raise BagError("FILE_NOT_SQLITE", file=file.name, reason=reason)
    if not any(map(_filled, _journals(file.path))):
        _check_whole(file.name, head, size)


def _check_whole(name: str, head: bytes, size: int) -> None:
    """A file cut off in transit is found by the page count in its header, where that is kept up."""
    page = int.from_bytes(head[16:18], "big")
    page = 65536 if page == 1 else page
    pages = int.from_bytes(head[28:32], "big")
    kept_up = head[24:28] == head[92:96]
    if len(head) < _HEADER_BYTES or (kept_up and size < page * pages):
        reason = f"it has {size} of {page * pages} bytes"
        raise BagError("FILE_DAMAGED", file=name, reason=reason)
