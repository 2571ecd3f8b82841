"""The part of a bag that is played: its bounds, and what subscribers must already have when it begins."""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from agent.failures import EXIT_NO_RETRY, UnitFailure
from rosbag2.reading.base import Message
from rosbag2.reading.reader import BagReader

MAX_LATCHED_BYTES = 32 * 2**20
"""Of the messages that are kept from before the start; the last one of each topic is kept in any case."""
LATEST_NS = 2**63 - 1


@dataclass(frozen=True)
class Excerpt:
    """Bounds in seconds of recorded time after the first message of the played topics, both included."""

    start_offset: float = 0.0
    end_offset: float | None = None

    @property
    def is_everything(self) -> bool:
        """True when nothing of the bag is left out."""
        return not self.start_offset and self.end_offset is None

    def span(self, reader: BagReader, topics: Collection[str]) -> tuple[int, int] | None:
        """Return the first and last recorded time that is played; None for all of them."""
        if self.is_everything:
            return None
        first = next((batch[0][0] for batch in reader.batches(topics, size=1)), None)
        if first is None:
            return None
        end = LATEST_NS if self.end_offset is None else first + round(self.end_offset * 1e9)
        return first + round(self.start_offset * 1e9), min(end, LATEST_NS)

    def no_messages(self) -> UnitFailure:
        """Return the failure for an excerpt without messages."""
        end = "the end" if self.end_offset is None else f"{self.end_offset:g} s"
        return UnitFailure(
            "NO_MESSAGES",
            f"No message of the played topics was recorded between {self.start_offset:g} s and {end} after "
            "their first one. Correct start and end of the template.",
            exit_code=EXIT_NO_RETRY,
        )


def latched_before(
    reader: BagReader, depths: Mapping[str, int | None], start_ns: int
) -> list[Message]:
    """Return the messages that publishers of these topics still offer to new subscribers at a time.

    Args:
        reader: The bag.
        depths: Number of messages that a publisher keeps, by topic; None: all.
        start_ns: Recorded time; messages from then on are not among them.
    """
    kept: dict[str, deque[Message]] = {
        topic: deque(maxlen=depth) for topic, depth in depths.items()
    }
    for batch in reader.batches(tuple(kept), span=(0, start_ns - 1)):
        for message in batch:
            kept[message[1]].append(message)
        _limit(kept)
    return sorted((message for queue in kept.values() for message in queue), key=lambda m: m[0])


def _limit(kept: Mapping[str, deque[Message]]) -> None:
    """Drop the oldest messages of the longest queues until they fit."""
    size = sum(len(data) for queue in kept.values() for _, _, data in queue)
    while size > MAX_LATCHED_BYTES:
        longest = max(kept.values(), key=len)
        if len(longest) == 1:
            return
        size -= len(longest.popleft()[2])
