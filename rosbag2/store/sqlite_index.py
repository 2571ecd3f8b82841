"""Whether the index on time agrees with the table: the reader goes by the index, the verifier by the table.

Both are reduced to a count and a sum in which each pair of row number and time has its part, so that an entry
that leads nowhere, or to another row, shows without looking up a single row.
"""

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A prime below 2^31: no changed bit is a multiple of it, and no product of two rests is above 63 bits.
_PRIME = 2**31 - 1
_PAIR = f"(timestamp % {_PRIME}) * (rowid % {_PRIME}) % {_PRIME}"


class IndexCheck:
    """Takes the times of all rows in the order of the table, then compares them with its index on time."""

    def __init__(self, connection: sqlite3.Connection, index: str) -> None:
        self.connection = connection
        self.index = index.replace('"', '""')
        self.rows = 0
        self.sum = 0
        self.first = self._first()

    def _first(self) -> int | None:
        """The number of the first row, None for a table whose rows have no numbers."""
        try:
            (first,) = self.connection.execute("SELECT min(rowid) FROM messages").fetchone()
        except sqlite3.OperationalError as error:
            if "no such column" not in str(error):
                raise
            return None
        return first or 0

    def add(self, times: "NDArray[np.int64]") -> None:
        """Count the next rows, as if their numbers had no gaps."""
        import numpy as np  # noqa: PLC0415 - only for who verifies

        if self.first is not None:
            start = self.first + self.rows
            numbers = np.arange(start, start + len(times), dtype=np.int64)
            pairs = np.fmod(np.fmod(times, _PRIME) * np.fmod(numbers, _PRIME), _PRIME)
            self.sum += int(pairs.sum())
        self.rows += len(times)

    def fault(self) -> str:
        """What is wrong with the index, "" when nothing is.

        Raises:
            sqlite3.Error: it cannot be read.
        """
        pair = "0" if self.first is None else _PAIR
        # Not count(*), which SQLite does in one step that nothing can interrupt.
        values = f"sum(timestamp IS NOT NULL), sum({pair})"
        indexed, found = self._sums(values, f'INDEXED BY "{self.index}"')
        if indexed != self.rows:
            return f"its index has {indexed} of {self.rows} messages"
        if found not in {self.sum, self._sums(values, "NOT INDEXED")[1]}:
            return "its index leads to other messages than there are"
        return ""

    def _sums(self, values: str, how: str) -> tuple[int, int]:
        count, pairs = self.connection.execute(f"SELECT {values} FROM messages {how}").fetchone()  # noqa: S608
        return count or 0, pairs or 0
