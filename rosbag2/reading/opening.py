"""Opening a data file: unpacked if compressed, by the store for its content."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from rosbag2.budget import Budget
from rosbag2.errors import BagError
from rosbag2.formats import compression
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.signatures import HEAD_BYTES, MCAP, SQLITE, beginning, foreign
from rosbag2.reading.base import Store
from rosbag2.reading.failures import guarded
from rosbag2.reading.mcap import McapStore
from rosbag2.reading.sqlite import SqliteStore
from rosbag2.reading.sqlite_file import opened

OPENING_BYTES = 2**14
"""Bytes of work that opening a file counts as; it takes about a millisecond."""


@contextmanager
def open_store(file: DataFile, budget: Budget | None = None) -> Iterator[Store]:
    """The store of a data file; its content decides, not its name.

    Raises:
        BagError: the file cannot be read.
    """
    budget = budget or Budget()
    budget.advance(OPENING_BYTES)
    with spare_folder(budget) as spare:
        source = plain(file, spare, budget)
        if kind(file, source) == "mcap":
            with guarded(file.name), source.open("rb", buffering=2**16) as stream:
                yield McapStore(file, stream, budget)
        else:
            with opened(file, source, spare, budget) as (connection, size):
                yield SqliteStore(file, connection, size, budget)


@contextmanager
def spare_folder(budget: Budget) -> Iterator[Callable[[], Path]]:
    """A function that makes the temporary folder when it is first called, as most files need none."""
    with ExitStack() as stack:

        def make() -> Path:
            folder = TemporaryDirectory(prefix="robotsim-bag-", dir=budget.scratch)
            return Path(stack.enter_context(folder))

        yield cache(make)


@contextmanager
def unpacked(file: DataFile, budget: Budget) -> Iterator[DataFile]:
    """The file with its content unpacked as long as the context lasts; its name stays.

    Raises:
        BagError: FILE_DAMAGED, UNPACKS_TOO_LARGE, FILE_UNKNOWN, FILE_UNREADABLE.
    """
    if not is_packed(file):
        yield file
        return
    with spare_folder(budget) as spare:
        yield DataFile(file.name, plain(file, spare, budget))


def plain(file: DataFile, spare: Callable[[], Path], budget: Budget) -> Path:
    """The place of the file's unpacked content: itself, or a copy in the folder of `spare`.

    Raises:
        BagError: FILE_DAMAGED, UNPACKS_TOO_LARGE, FILE_UNKNOWN, FILE_UNREADABLE.
    """
    if not is_packed(file):
        return file.path
    target = spare() / "unpacked"
    compression.unpack_file(file.name, file.path, target, budget)
    return target


def is_packed(file: DataFile) -> bool:
    """Return whether a file is compressed as a whole.

    Raises:
        BagError: FILE_UNREADABLE.
    """
    return head(file.name, file.path).startswith(compression.MAGIC)


def kind(file: DataFile, source: Path) -> str:
    """`sqlite3` or `mcap`.

    Raises:
        BagError: it is neither.
    """
    start = head(file.name, source)
    if start.startswith(SQLITE):
        return "sqlite3"
    if start.startswith(MCAP):
        return "mcap"
    if error := foreign(file.name, start):
        raise error
    code = "FILE_UNKNOWN"
    if ".db3" in file.name:
        code = "FILE_NOT_SQLITE"
    elif ".mcap" in file.name:
        code = "FILE_NOT_MCAP"
    raise BagError(code, file=file.name, reason=beginning(start))


def head(name: str, path: Path) -> bytes:
    """The first bytes, which tell what a file is.

    Raises:
        BagError: FILE_UNREADABLE.
    """
    with guarded(name), path.open("rb") as stream:
        return stream.read(HEAD_BYTES)
