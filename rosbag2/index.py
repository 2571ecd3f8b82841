"""What a bag holds, counted in its data: topics, rates, and activity over time."""

from dataclasses import dataclass, field
from pathlib import Path

from rosbag2.bundle import DataFile, listed_files, require_readable
from rosbag2.metadata import Metadata, Topic, read_metadata
from rosbag2.sqlite import Bin, Span, open_store

BINS = 200
"""Stretches of the histogram: equal parts of the bag's whole span."""


@dataclass(frozen=True)
class TopicIndex:
    """A topic; size in bytes of its messages, times in nanoseconds, both None without messages.

    `mean_rate_hz` is 0 where there are too few messages to tell.
    """

    name: str
    type: str
    serialization_format: str
    offered_qos_profiles: str
    type_hash: str
    message_count: int
    size: int
    first_ns: int | None
    last_ns: int | None
    mean_rate_hz: float
    histogram: tuple[int, ...]


@dataclass(frozen=True)
class BagIndex:
    """A bag; size in bytes of its messages, times in nanoseconds, both None without messages."""

    storage_id: str
    version: int | None
    ros_distro: str
    compression: str
    start_ns: int | None
    end_ns: int | None
    message_count: int
    size: int
    topics: tuple[TopicIndex, ...]


@dataclass
class _Tally:
    topic: Topic
    count: int = 0
    size: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    histogram: list[int] = field(default_factory=lambda: [0] * BINS)

    def add(self, found: Bin) -> None:
        self.count += found.count
        self.size += found.size
        if self.first_ns is None or found.first_ns < self.first_ns:
            self.first_ns = found.first_ns
        if self.last_ns is None or found.last_ns > self.last_ns:
            self.last_ns = found.last_ns
        self.histogram[min(max(found.number, 0), BINS - 1)] += found.count

    def done(self) -> TopicIndex:
        rate = 0.0
        if self.count > 1 and self.first_ns is not None and self.last_ns is not None:
            span = self.last_ns - self.first_ns
            rate = (self.count - 1) * 1e9 / span if span else 0.0
        topic = self.topic
        return TopicIndex(
            name=topic.name,
            type=topic.type,
            serialization_format=topic.serialization_format,
            offered_qos_profiles=topic.offered_qos_profiles,
            type_hash=topic.type_hash,
            message_count=self.count,
            size=self.size,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            mean_rate_hz=rate,
            histogram=tuple(self.histogram),
        )


@dataclass
class Survey:
    """What one pass over the data files found; `variants` are all topics of a name."""

    metadata: Metadata
    files: tuple[DataFile, ...]
    variants: dict[str, list[Topic]] = field(default_factory=dict)
    orphans: dict[str, int] = field(default_factory=dict)
    ros_distro: str = ""
    spans: list[Span] = field(default_factory=list)
    tallies: dict[str, _Tally] = field(default_factory=dict)

    def index(self) -> BagIndex:
        """The index of what was found."""
        start, end = self.span()
        topics = tuple(tally.done() for tally in self.tallies.values())
        return BagIndex(
            storage_id=self.metadata.storage_id,
            version=self.metadata.version,
            ros_distro=self.metadata.ros_distro or self.ros_distro,
            compression=self.metadata.compression_format,
            start_ns=start,
            end_ns=end,
            message_count=sum(topic.message_count for topic in topics),
            size=sum(topic.size for topic in topics),
            topics=topics,
        )

    def span(self) -> tuple[int | None, int | None]:
        """First and last time over all files."""
        firsts = [span.first_ns for span in self.spans if span.first_ns is not None]
        lasts = [span.last_ns for span in self.spans if span.last_ns is not None]
        return min(firsts, default=None), max(lasts, default=None)

    def open_all(self) -> None:
        """Note the topics and times of every file."""
        for file in self.files:
            with open_store(file) as store:
                self.spans.append(store.span())
                self.ros_distro = self.ros_distro or store.ros_distro
                for topic in store.topics.values():
                    self.tallies.setdefault(topic.name, _Tally(topic))
                    same = self.variants.setdefault(topic.name, [])
                    if topic not in same:
                        same.append(topic)

    def count_all(self) -> None:
        """Count every message; the one pass over the data."""
        start, end = self.span()
        if start is None or end is None:
            return
        width = (end - start) // BINS + 1
        for file in self.files:
            with open_store(file) as store:
                for found in store.bins(start, width):
                    topic = store.topics.get(found.topic_id)
                    if topic:
                        self.tallies[topic.name].add(found)
                    else:
                        self.orphans[file.name] = self.orphans.get(file.name, 0) + found.count


def survey_bag(folder: Path, metadata: Metadata) -> Survey:
    """Look at all data of a bag.

    Raises:
        BagError: the bag cannot be read.
    """
    require_readable(metadata)
    survey = Survey(metadata, listed_files(folder, metadata))
    survey.open_all()
    survey.count_all()
    return survey


def index_bag(folder: Path) -> BagIndex:
    """Index a bag, in one pass over its data.

    Raises:
        BagError: the bag cannot be read.
    """
    return survey_bag(folder, read_metadata(folder)).index()
