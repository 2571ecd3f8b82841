"""The part of a bag that is played: its bounds, and what subscribers must already have when it begins."""

import struct
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from operator import itemgetter

from agent.failures import EXIT_NO_RETRY, UnitFailure
from agent.message_pieces import PLAIN_CDR
from rosbag2.formats.stored_message import HEADER_BYTES
from rosbag2.reading.base import Message
from rosbag2.reading.reader import BagReader

MAX_LATCHED_BYTES = 32 * 2**20
"""Of the messages that are kept from before the start; the last one of each topic is kept in any case."""
MAX_LATCHED = 1000
"""Topics, and sets of frames of transforms, of which messages are kept."""
LATEST_NS = 2**63 - 1
TRANSFORMS = {"tf2_msgs/msg/TFMessage", "tf2_msgs/TFMessage"}
TRANSFORM_BYTES = 56
STAMP_BYTES = 8

Batch = list[Message]
Key = tuple[str, frozenset[bytes] | None]


@dataclass(frozen=True)
class PlayedPart:
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
        """Return the failure for a part without messages."""
        end = "the end" if self.end_offset is None else f"{self.end_offset:g} s"
        return UnitFailure(
            "NO_MESSAGES",
            f"No message of the played topics was recorded between {self.start_offset:g} s and {end} after "
            "their first one. Correct start and end of the template.",
            exit_code=EXIT_NO_RETRY,
        )


def latched_before(reader: BagReader, depths: Mapping[str, int | None], start_ns: int) -> Batch:
    """Return the messages that publishers of these topics still offer to new subscribers at a time.

    Of transforms those for each set of frames, as each publisher has its own.

    Args:
        reader: The bag.
        depths: Number of messages that a publisher keeps, by topic; None: all.
        start_ns: Recorded time; messages from then on are not among them.
    """
    types = {topic.name: topic.type for topic in reader.topics}
    kept: dict[Key, deque[Message]] = {}
    for batch in reader.batches(tuple(depths), span=(0, start_ns - 1)):
        for message in batch:
            _, topic, data = message
            key = topic, child_frames(data) if types[topic] in TRANSFORMS else None
            if key not in kept and len(kept) < MAX_LATCHED:
                kept[key] = deque(maxlen=depths[topic])
            if key in kept:
                kept[key].append(message)
        _limit(kept)
    return sorted((message for queue in kept.values() for message in queue), key=itemgetter(0))


def child_frames(data: bytes) -> frozenset[bytes] | None:
    """Return the child frames of a tf2_msgs/msg/TFMessage; None when it cannot be read."""
    order = PLAIN_CDR.get(data[:2])
    if order is None:
        return None
    length = struct.Struct(order + "I")
    frames = []
    place = HEADER_BYTES + length.size
    try:
        (count,) = length.unpack_from(data, HEADER_BYTES)
        for _ in range(count):
            place += -place % 4 + STAMP_BYTES
            place += length.size + length.unpack_from(data, place)[0]
            place += -place % 4
            begin = place + length.size
            place = begin + length.unpack_from(data, place)[0]
            frames.append(data[begin:place])
            # The encapsulation, from behind which alignment counts, is half of eight bytes.
            place += (HEADER_BYTES - place) % 8 + TRANSFORM_BYTES
    except struct.error:
        return None
    return frozenset(frames)


def _limit(kept: Mapping[Key, deque[Message]]) -> None:
    """Drop the oldest messages of the longest queues until they fit."""
    if not kept:
        return
    size = sum(len(data) for queue in kept.values() for _, _, data in queue)
    while size > MAX_LATCHED_BYTES:
        longest = max(kept.values(), key=len)
        if len(longest) == 1:
            return
        size -= len(longest.popleft()[2])
