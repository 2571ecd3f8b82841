"""How the check of a bag ended, in one value."""

from dataclasses import dataclass
from typing import Literal

from rosbag2.claims import BagWarning
from rosbag2.errors import BagError, Detail
from rosbag2.index import BagIndex
from rosbag2.store.losses import LostSpan

__all__ = ["LostSpan", "Status", "Verdict", "rejected"]

Status = Literal["ready", "ready_with_warnings", "repaired", "rejected"]


@dataclass(frozen=True)
class Verdict:
    """The outcome; `code` and `sentence` are empty when it is ready, `index` is None when rejected.

    A repaired bag has a code and a sentence too: what was done; its warnings say what was wrong.
    """

    status: Status
    code: str
    details: dict[str, Detail]
    sentence: str
    warnings: tuple[BagWarning, ...]
    index: BagIndex | None
    lost: tuple[LostSpan, ...] = ()

    @property
    def message_count(self) -> int | None:
        """Messages that can be replayed; None when rejected."""
        return None if self.index is None else self.index.message_count


def rejected(error: BagError) -> Verdict:
    """The outcome of an error."""
    return Verdict("rejected", error.code, error.details, error.sentence, (), None)
