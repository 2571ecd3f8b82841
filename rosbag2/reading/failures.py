"""Failures while a data file is read, as errors that name the file."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from rosbag2.errors import BagError, unreadable
from rosbag2.formats.mcap_chunks import TooLargeError
from rosbag2.formats.mcap_records import BrokenError


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into a BagError; only lack of memory stays what it is.

    Raises:
        BagError: FILE_DAMAGED, FILE_UNREADABLE, FILE_IMPLAUSIBLE.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _translated(name, error) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BagError("FILE_UNREADABLE", file=name, reason=reason) from error
    except BrokenError as error:
        raise BagError("FILE_DAMAGED", file=name, reason=str(error)) from error
    except TooLargeError as error:
        raise BagError("FILE_IMPLAUSIBLE", file=name, reason=str(error)) from error
    except (BagError, MemoryError):
        raise
    except Exception as error:
        raise unreadable(name) from error


def _translated(name: str, error: sqlite3.DatabaseError) -> BagError:
    kind = getattr(error, "sqlite_errorname", "")
    if kind == "SQLITE_INTERRUPT":
        return BagError("FILE_DAMAGED", file=name, reason="reading it does not come to an end")
    away = kind.startswith(("SQLITE_CANTOPEN", "SQLITE_FULL"))
    code = "FILE_UNREADABLE" if away else "FILE_DAMAGED"
    return BagError(code, file=name, reason=str(error))
