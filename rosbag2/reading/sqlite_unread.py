"""Data of a database that SQLite does not read: frames of its log, rows that no branch leads to.

It needs numpy, which agents do without.
"""

import sqlite3
from pathlib import Path

from rosbag2.budget import Budget
from rosbag2.formats.sqlite_pages import Pages, is_message
from rosbag2.formats.sqlite_wal import read_log

_PRIME = 2**31 - 1


def unread(connection: sqlite3.Connection, budget: Budget, *, has_index: bool) -> str:
    """Return what SQLite does not read of its file, "" if it reads all; the index on time vouches for rows.

    Raises:
        sqlite3.Error: it cannot be read.
        PageError: it cannot be read.
    """
    path = Path(str(_value(connection, "SELECT file FROM pragma_database_list")))
    log_path = path.with_name(path.name + "-wal")
    log = read_log(log_path, int(_value(connection, "PRAGMA page_size")), budget)
    if log.fault:
        return log.fault
    if log.frames and _value(connection, "PRAGMA journal_mode") != "wal":
        return "its header does not say that it has a write-ahead log"
    if not has_index and _rows_of(connection) != _rows_on_pages(path, log_path, budget):
        return "its tables lead to other messages than there are"
    return ""


def _value(connection: sqlite3.Connection, query: str) -> str | int:
    (value,) = connection.execute(query).fetchone()
    return value if isinstance(value, int) else str(value)


def _rows_of(connection: sqlite3.Connection) -> tuple[int, int]:
    query = f"SELECT count(*), sum(rowid % {_PRIME}) FROM messages NOT INDEXED"  # noqa: S608
    count, numbers = connection.execute(query).fetchone()
    return count, numbers or 0


def _rows_on_pages(path: Path, log_path: Path, budget: Budget) -> tuple[int, int]:
    count = numbers = 0
    with path.open("rb") as stream:
        for _, _, rows in Pages(stream, log_path, budget).leaves():
            messages = [row.number for row in rows if row is not None and is_message(row)]
            count += len(messages)
            numbers += sum(number % _PRIME for number in messages)
    return count, numbers
