"""Missing row numbers of a damaged database as lost stretches of time."""

from collections import deque

from rosbag2.checks.losses import Losses

_PAGES = 4
"""Pages whose rows are remembered: where a page lost its newest state, neighbours repeat rows."""


class Gaps:
    """Takes the rows of a database in the order of their numbers.

    A missing number is a loss beside a damaged row, and anywhere when the file shows other damage; else
    the row was deleted.
    """

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self.holes = Losses(losses.file)
        self.broken = 0
        self.number = 0
        self.time: int | None = None
        self.bounds = (0, 0)
        self.recent: deque[set[tuple[int, int]]] = deque(maxlen=_PAGES)

    def begin_page(self, low: int, high: int) -> None:
        """Begin a page whose numbers should lie between the two."""
        self.bounds = (low, high)
        self.recent.append(set())

    def bad(self) -> None:
        """Take a damaged row."""
        self.broken += 1

    def good(self, number: int, time: int) -> bool:
        """Take a complete row; return False if it was there before."""
        if any((number, time) in rows for rows in self.recent):
            return False
        self.recent[-1].add((number, time))
        if not max(self.number, self.bounds[0]) < number < self.bounds[1]:
            # A damaged number is no loss.
            return True
        if missing := number - self.number - 1:
            times = [time] if self.time is None else sorted((self.time, time))
            first = None if self.time is None else times[0]
            losses = self.losses if self.broken else self.holes
            losses.add(first, times[-1], missing)
        self.number, self.time, self.broken = number, time, 0
        return True

    def end(self, expected: int | None, saved: int, *, odd: bool) -> None:
        """End the file, which may show other damage; what is not explained reaches to the end."""
        if odd:
            self.losses.spans += self.holes.spans
        if not odd and not self.broken:
            return
        missing = self.broken or None
        if expected is not None:
            counted = sum(span.messages or 0 for span in self.losses.spans)
            if (short := expected - saved - counted) >= 0:
                missing = max(short, self.broken)
            # Fewer promised than are there: such a promise says nothing.
            if missing == 0:
                return
        self.losses.add(self.time, None, missing)
