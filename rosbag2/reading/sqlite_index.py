"""Comparison of the index on time with the table: the reader uses the index, the verifier the table.

Both are reduced to a count and a sum in which each pair of row number and time has its part, so that an entry
that leads nowhere, or to another row, shows without looking up a single row.
"""

import sqlite3

# A prime below 2^31: no changed bit is a multiple of it, and no product of two rests is above 63 bits.
_PRIME = 2**31 - 1
_PAIR = f"(timestamp % {_PRIME}) * (rowid % {_PRIME}) % {_PRIME}"


def index_fault(connection: sqlite3.Connection, index: str, rows: int) -> str:
    """Return what is wrong with an index on time of a table with so many rows, "" if nothing is.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    quoted = index.replace('"', '""')
    pair = _PAIR if _has_numbers(connection) else "0"
    indexed, indexed_sum = _sums(connection, pair, f'INDEXED BY "{quoted}"')
    if indexed != rows:
        return f"its index has {indexed} of {rows} messages"
    if indexed_sum != _sums(connection, pair, "NOT INDEXED")[1]:
        return "its index leads to other messages than there are"
    return ""


def _has_numbers(connection: sqlite3.Connection) -> bool:
    """Return whether the rows of the table have numbers; one WITHOUT ROWID has none."""
    try:
        connection.execute("SELECT min(rowid) FROM messages").fetchone()
    except sqlite3.OperationalError as error:
        if "no such column" not in str(error):
            raise
        return False
    return True


def _sums(connection: sqlite3.Connection, pair: str, how: str) -> tuple[int, int]:
    # Not count(*), which SQLite does in one step that nothing can interrupt.
    values = f"sum(timestamp IS NOT NULL), sum({pair})"
    count, pairs = connection.execute(f"SELECT {values} FROM messages {how}").fetchone()  # noqa: S608
    return count or 0, pairs or 0
