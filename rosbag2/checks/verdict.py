"""The outcome of a check: verdict, warnings, losses and index."""

from dataclasses import dataclass
from typing import Any, Literal

from rosbag2.checks.definitions import TypeIndex
from rosbag2.checks.index import BagIndex, TopicIndex
from rosbag2.checks.metadata_checks import BagWarning
from rosbag2.checks.statistics import Gap, Rhythm
from rosbag2.errors import BagError, Detail, sentence

Status = Literal["ready", "ready_with_warnings", "repaired", "rejected"]
MAX_SPANS = 500


@dataclass(frozen=True)
class LostSpan:
    """Messages that could not be saved; what is not known is None, "" stands for all topics.

    They lie between the times (nanoseconds); None where the loss reaches to the beginning or the end.
    """

    file: str
    topic: str
    first_ns: int | None
    last_ns: int | None
    messages: int | None


@dataclass(frozen=True)
class Verdict:
    """The outcome; `code` is empty when it is ready, `index` is None when rejected.

    A repaired bag has a code too: what was done; its warnings say what was wrong.
    """

    status: Status
    code: str
    details: dict[str, Detail]
    warnings: tuple[BagWarning, ...]
    index: BagIndex | None
    lost: tuple[LostSpan, ...] = ()

    @property
    def sentence(self) -> str:
        """Sentence of the code in English; empty when it is ready."""
        return sentence(self.code, self.details) if self.code else ""

    @property
    def message_count(self) -> int | None:
        """Messages that can be replayed; None when rejected."""
        return None if self.index is None else self.index.message_count


def rejected(error: BagError) -> Verdict:
    """The outcome of an error."""
    return Verdict("rejected", error.code, error.details, (), None)


def unpacked(folder: str) -> Verdict:
    """The outcome of an archive that was unpacked; `details["folder"]` is the bag's folder in it."""
    return Verdict("ready", "", {"folder": folder}, (), None)


def from_json(values: dict[str, Any]) -> Verdict:
    """The outcome from the values that `asdict` made of it."""
    index = values["index"]
    return Verdict(
        **values
        | {
            "warnings": tuple(BagWarning(**warning) for warning in values["warnings"]),
            "lost": tuple(LostSpan(**span) for span in values["lost"]),
            "index": None if index is None else _index(index),
        }
    )


def _index(values: dict[str, Any]) -> BagIndex:
    topics = [
        TopicIndex(**topic | {"histogram": tuple(topic["histogram"])}) for topic in values["topics"]
    ]
    rhythms = [
        Rhythm(**rhythm | {"gaps": tuple(Gap(**gap) for gap in rhythm["gaps"])})
        for rhythm in values["rhythms"]
    ]
    types = tuple(TypeIndex(**entry) for entry in values["types"])
    return BagIndex(**values | {"topics": tuple(topics), "rhythms": tuple(rhythms), "types": types})
