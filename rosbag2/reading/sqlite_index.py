"""Comparison of the index on time with the table: the reader uses the index, the verifier the table.

Both are reduced to a count and a sum in which each pair of row number and time has its part, so that an entry
that leads nowhere, or to another row, shows without looking up a single row.
"""

import sqlite3

from rosbag2.reading.base import Doubt

_FEW = 10
_AROUND = """
    SELECT (SELECT count(*) FROM messages NOT INDEXED WHERE rowid < :row),
        (SELECT timestamp FROM messages NOT INDEXED WHERE rowid < :row ORDER BY rowid DESC LIMIT 1),
        (SELECT timestamp FROM messages NOT INDEXED WHERE rowid > :row ORDER BY rowid LIMIT 1),
        topic_id, timestamp
    FROM messages NOT INDEXED WHERE rowid = :row
"""
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


def differences(connection: sqlite3.Connection, index: str) -> list[Doubt]:
    """The rows to which an index on time gives another time; none when that is not all that differs.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    if not _has_numbers(connection):
        return []
    indexed = f'INDEXED BY "{index.replace(chr(34), 2 * chr(34))}"'
    pairs = "SELECT rowid, timestamp FROM messages"
    rows = _only_in(connection, f"{pairs} NOT INDEXED", f"{pairs} {indexed}")
    claims = _only_in(connection, f"{pairs} {indexed}", f"{pairs} NOT INDEXED")
    if len(rows) > _FEW or rows.keys() != claims.keys():
        return []
    around = [connection.execute(_AROUND, {"row": number}).fetchone() for number in rows]
    # A damaged row number is found by the scan, and not by itself.
    if None in around:
        return []
    return [
        Doubt(place, topic, time, claims[number], before, after)
        for number, (place, before, after, topic, time) in zip(rows, around, strict=True)
    ]


def _only_in(connection: sqlite3.Connection, one: str, other: str) -> dict[int, int]:
    """Row numbers and times of one query that another has not; a few more than are looked at."""
    query = f"SELECT * FROM ({one} EXCEPT {other}) LIMIT {_FEW + 1}"  # noqa: S608
    return dict(connection.execute(query).fetchall())


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
