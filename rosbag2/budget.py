"""Limits on the work that a bag may cost, and a counter of its progress."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir

MAX_MESSAGE = 64 * 2**20
"""Bytes of the largest message that is read; what is larger would not fit the memory of a check."""

MAX_CHUNK = 64 * 2**20
"""Bytes of the largest MCAP chunk, unpacked; recorders write some hundred kilobytes to some megabytes."""

FREE_UNPACKED = 2**30
"""Bytes that anything may unpack to; above this the ratio counts."""

MAX_RATIO = 100
"""Recordings never reach this ratio, as they hold noise; a zip bomb is far above it."""

MAX_FILES = 10_000
"""Files of a bag beside its metadata.yaml: the one limit of all doors."""

MAX_TOPICS = 10_000
MAX_NAME = 1024
"""Characters of the longest name of a topic or type; ROS 2 allows 255."""


@dataclass
class Budget:
    """The scratch folder for unpacked copies, and a counter of the bytes handled."""

    scratch: Path = field(default_factory=lambda: Path(gettempdir()))
    report: Callable[[int], None] | None = None
    done: int = 0

    def advance(self, amount: int) -> None:
        """Count bytes of data that were handled, and report them."""
        self.done += amount
        if self.report is not None:
            self.report(self.done)


def max_unpacked(packed: int) -> int:
    """Bytes that a file of that size may unpack to."""
    return max(FREE_UNPACKED, packed * MAX_RATIO)
