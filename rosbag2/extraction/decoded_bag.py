"""A bag and the types of its topics, open for decoding: the base of previews and exports."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from rosbag2.formats.metadata import Topic, read_metadata
from rosbag2.messages.distributions import distribution
from rosbag2.messages.message_types import MessageType, TypeUnknownError, message_type_of
from rosbag2.reading.reader import BagReader

Span = tuple[int, int]
"""First and last time in nanoseconds, both included."""
EVER: Span = (-(2**63), 2**63 - 1)


class TopicUnknownError(Exception):
    """The bag has no topic of that name."""

    code = "TOPIC_UNKNOWN"


@dataclass
class DecodedBag:
    """A bag, open for reading; use it as a context manager.

    Raises:
        BagError: on entering, when the bag cannot be read.
    """

    folder: Path
    ros_distro: str = ""
    reader: BagReader = field(init=False)
    topics: dict[str, Topic] = field(init=False, default_factory=dict)
    distribution: str = field(init=False, default="")
    """Distribution whose types stand for those that the bag does not define."""
    _message_types: dict[str, MessageType | TypeUnknownError] = field(
        init=False, default_factory=dict
    )

    def __enter__(self) -> Self:
        self.reader = BagReader(self.folder).__enter__()
        self.topics = {topic.name: topic for topic in self.reader.topics}
        metadata = read_metadata(self.folder)
        self.ros_distro = self.ros_distro or metadata.ros_distro
        self.distribution = distribution(self.ros_distro, metadata.version)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.reader.__exit__(kind, error, trace)

    def topic(self, name: str) -> Topic:
        """The topic of a name.

        Raises:
            TopicUnknownError: there is none.
        """
        if name not in self.topics:
            raise TopicUnknownError(name)
        return self.topics[name]

    def message_type(self, name: str) -> MessageType:
        """The type of a topic's messages.

        Raises:
            TopicUnknownError: there is no such topic.
            TypeUnknownError: its type cannot be decoded; the text says why.
        """
        if name not in self._message_types:
            try:
                self._message_types[name] = message_type_of(self.topic(name), self.distribution)
            except TypeUnknownError as error:
                self._message_types[name] = error
        message_type = self._message_types[name]
        if isinstance(message_type, TypeUnknownError):
            raise message_type
        return message_type

    def messages(
        self, topics: Collection[str] | None, span: Span = EVER, *, size: int = 500
    ) -> Iterator[tuple[int, str, bytes]]:
        """(time in ns, topic, data) in time order."""
        wanted_span = None if span == EVER else span
        for batch in self.reader.batches(topics, size=size, span=wanted_span):
            yield from batch

    def first_after(self, name: str, time_ns: int) -> tuple[int, bytes] | None:
        """The first message of a topic from a time on."""
        for message_ns, _topic, data in self.messages([name], (time_ns, EVER[1]), size=1):
            return message_ns, data
        return None
