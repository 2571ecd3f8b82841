"""Limits on the work that a bag may cost, and a counter of its progress."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir

MAX_MESSAGE = 256 * 2**20
"""Bytes of the largest message that is read; a message is held as a whole, and more than once."""

MAX_CHUNK = MAX_MESSAGE + 32 * 2**20
"""Bytes of the largest MCAP chunk, unpacked; recorders end a chunk behind the message that fills it."""

SMALL_MESSAGE = 32 * 2**20
"""Bytes for which the memory of every check has room."""

MAX_COPIES = 5
"""Copies of a message that a repair holds at once: read, cut out, bound, as a record, and in pages."""

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
    grant: Callable[[int], None] | None = None
    """Asks for memory for a large message, beside what is there for all."""
    done: int = 0
    room: int = SMALL_MESSAGE

    def advance(self, amount: int) -> None:
        """Count bytes of data that were handled, and report them."""
        self.done += amount
        if self.report is not None:
            self.report(self.done)

    def make_room(self, size: int) -> None:
        """Be ready to hold a message of this size; one that is too large is never held."""
        size = min(size, MAX_MESSAGE)
        if self.grant is not None and size > self.room:
            self.grant(size - self.room)
            self.room = size


def max_unpacked(packed: int) -> int:
    """Bytes that a file of that size may unpack to."""
    return max(FREE_UNPACKED, packed * MAX_RATIO)
