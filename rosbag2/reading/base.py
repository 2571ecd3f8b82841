"""The interface of a store, the same for each format."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rosbag2.errors import BagError
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.metadata import Topic
from rosbag2.reading.contents import Contents

if TYPE_CHECKING:
    from rosbag2.reading.columns import Samples

Message = tuple[int, str, bytes]
"""Time in nanoseconds since the epoch, topic name, serialized data."""

MAX_BACK = 5 * 10**9
"""Nanoseconds that a message may be older than one written before it, or than its chunk says."""


@dataclass(frozen=True)
class Doubt:
    """A message whose time another record of its file contradicts: its number in the order of `samples`.

    `claimed_ns` is what the other record says; before and after it is the time of its neighbours, if any.
    """

    number: int
    topic_id: int
    time_ns: int
    claimed_ns: int
    before_ns: int | None
    after_ns: int | None


class Store(Protocol):
    """One data file, open for reading."""

    file: DataFile
    kind: str
    ros_distro: str
    topics: dict[int, Topic]
    contents: Contents
    order_fault: str
    """Why the reader would not give the messages that `samples` gave, "" if nothing is wrong."""
    doubts: list[Doubt]
    """The few messages whose times another record contradicts; as `order_fault` known after `samples`."""

    def span(self) -> tuple[int, int] | None:
        """First and last time in nanoseconds, None without messages."""
        ...

    def samples(self) -> "Iterator[Samples]":
        """All messages in the order of the file, in one pass that touches every byte.

        What is no message has the size `contents.NO_MESSAGE`.

        Raises:
            BagError: FILE_DAMAGED and others.
        """
        ...

    def rows(self) -> Iterator[tuple[int, int, bytes | None]]:
        """Topic number, time and message, as many and in the same order as `samples`; None is no message."""
        ...

    def findings(self) -> list[BagError]:
        """Oddities of the file, as warnings; known after `samples`."""
        ...

    def messages(
        self, topics: Collection[str] | None, span: tuple[int, int] | None
    ) -> Iterator[Message]:
        """Messages in time order; of a span both ends included.

        Raises:
            BagError: FILE_DAMAGED and others.
        """
        ...
