"""The data stored as messages of one file: unpacked, measured, and told from data that are no message."""

from collections.abc import Mapping

from rosbag2.budget import MAX_MESSAGE, Budget
from rosbag2.errors import BagError
from rosbag2.formats.compression import MAGIC, unpacked_size
from rosbag2.formats.metadata import Topic
from rosbag2.formats.stored_message import stored_message

NO_MESSAGE = -1
"""The size of what is no message."""


class Contents:
    """The stored data of one file; `limit` is how many bytes its packed messages may unpack to."""

    def __init__(self, name: str, topics: Mapping[int, Topic], limit: int, budget: Budget) -> None:
        self.name = name
        self.topics = topics
        self.limit = limit
        self.budget = budget
        self.large: BagError | None = None
        self.unpacked = 0
        """Bytes of the packed messages whose size was asked for."""

    def message(self, topic_id: int, data: bytes) -> bytes | None:
        """The message in stored data, None when it is none or too large."""
        topic = self.topics.get(topic_id)
        try:
            return stored_message(data, cdr=topic is None or topic.is_cdr)
        except OverflowError:
            self.note_large(topic_id, max(unpacked_size(data), MAX_MESSAGE + 1))
            return None

    def note_large(self, topic_id: int, size: int) -> None:
        """Note a message that is too large; the first is named."""
        topic = self.topics[topic_id].name if topic_id in self.topics else ""
        self.large = self.large or BagError(
            "MESSAGE_TOO_LARGE", file=self.name, topic=topic, size=size, limit=MAX_MESSAGE
        )

    def require_small(self) -> None:
        """Refuse a file of which a message is too large; all others were looked at.

        Raises:
            BagError: MESSAGE_TOO_LARGE.
        """
        if self.large is not None:
            raise self.large

    def size(self, topic_id: int, data: bytes) -> int:
        """Bytes of the message in stored data, NO_MESSAGE when it is none.

        Raises:
            BagError: UNPACKS_TOO_LARGE.
        """
        message = self.message(topic_id, data)
        if message is None:
            return NO_MESSAGE
        if data.startswith(MAGIC):
            self.budget.advance(len(message))
            self.unpacked += len(message)
            if self.unpacked > self.limit:
                raise BagError("UNPACKS_TOO_LARGE", file=self.name, limit=self.limit)
        return len(message)
