"""The topics of a damaged MCAP file: what chunks, data, summary and broken chunks say of them."""

from collections.abc import Collection
from contextlib import suppress

from rosbag2.formats import mcap_records as records
from rosbag2.formats.mcap_records import BrokenError, Catalogue
from rosbag2.formats.metadata import Listed, Topic
from rosbag2.reading.mcap import topic_of


class McapNames:
    """Copies of schemas and channels by where they stand, those with a checksum first."""

    def __init__(self, listed: Collection[Listed]) -> None:
        self._copies = Catalogue(), Catalogue(), Catalogue(), Catalogue()
        self.in_chunks, self.in_data, self.in_summary, self.in_broken = self._copies
        self._listed = {topic.name for topic, _ in listed}
        self._topics: dict[int, Topic | None] = {}

    @property
    def ros_distro(self) -> str:
        """The distribution that recorded the file, "" where it does not say."""
        return next((copy.ros_distro for copy in self._copies if copy.ros_distro), "")

    @property
    def promised(self) -> int:
        """Messages that the summaries promise."""
        return sum(self.in_summary.promised.values())

    def topic(self, channel: int) -> Topic | None:
        """The topic of a channel by its most plausible copy, None where there is none."""
        if self._topics.get(channel) is None:
            copies = [topic_of(each, channel) for each in self._copies if channel in each.channels]
            self._topics[channel] = max(copies, key=self._plausibility, default=None)
        return self._topics[channel]

    def _plausibility(self, topic: Topic) -> tuple[bool, bool, bool]:
        return topic.name in self._listed, bool(topic.type), topic.is_cdr

    def take_broken(self, data: bytes, base: int) -> None:
        """Take the names at the beginning of a chunk that is damaged somewhere."""
        with suppress(BrokenError):
            for opcode, start, end in records.walk(data):
                if opcode in records.NOTED:
                    self.in_broken.take(opcode, data[start:end], base)
