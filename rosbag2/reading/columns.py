"""Messages as columns: the only module of `reading` that needs numpy, which agents do without."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Samples:
    """Some messages as columns: topic numbers, times in nanoseconds, sizes in bytes (unpacked)."""

    topic_ids: NDArray[np.int64]
    times_ns: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def only(self, chosen: NDArray[np.bool_]) -> "Samples":
        """The chosen ones; all of them are given as they are."""
        if chosen.all():
            return self
        return Samples(self.topic_ids[chosen], self.times_ns[chosen], self.sizes[chosen])


def columns(rows: Sequence[tuple[int, int, int]]) -> Samples:
    """Rows of topic number, time and size.

    Raises:
        ValueError: a value that is no number.
        OverflowError: a number beyond 64 bits.
    """
    try:
        table = np.fromiter(chain.from_iterable(rows), np.int64, 3 * len(rows)).reshape(-1, 3)
    except TypeError as error:
        raise ValueError(str(error)) from error
    return Samples(table[:, 0], table[:, 1], table[:, 2])
