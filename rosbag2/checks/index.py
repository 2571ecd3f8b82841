"""The index of a bag, counted in its data: topics, rates, and activity over time."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rosbag2.budget import MAX_TOPICS, Budget
from rosbag2.checks.definitions import TypeIndex, TypesOfBag
from rosbag2.checks.message_faults import MessageFaults
from rosbag2.checks.statistics import Rhythm, TopicFigures, TopicStatistics
from rosbag2.errors import BagError
from rosbag2.formats.bundle import DataFile, listed_files, require_complete
from rosbag2.formats.metadata import PLAYABLE, Metadata, Topic, read_metadata
from rosbag2.reading.base import Store
from rosbag2.reading.columns import Samples
from rosbag2.reading.opening import is_packed, open_store


@dataclass(frozen=True)
class TopicIndex:
    """A topic; size in bytes of its messages, times in nanoseconds, both None without messages.

    `mean_rate_hz` is 0 where there are too few messages to tell. `definition` is the digest of one of the
    types of the bag's index; empty without one.
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
    definition: str = ""

    @property
    def playable(self) -> bool:
        """False for topics that are listed and skipped."""
        return self.serialization_format in PLAYABLE


@dataclass(frozen=True)
class BagIndex:
    """A bag; size in bytes of its messages, times in nanoseconds, both None without messages.

    Count and size are of the messages that can be replayed, times of all. `rhythms` belong to `topics`,
    in their order.
    """

    storage_id: str
    version: int | None
    ros_distro: str
    compression: str
    start_ns: int | None
    end_ns: int | None
    message_count: int
    size: int
    topics: tuple[TopicIndex, ...]
    rhythms: tuple[Rhythm, ...] = ()
    types: tuple[TypeIndex, ...] = ()


@dataclass
class Survey:
    """Result of one pass over the data files; `variants` are all topics of a name."""

    metadata: Metadata
    files: tuple[DataFile, ...]
    budget: Budget = field(default_factory=Budget)
    variants: dict[str, list[Topic]] = field(default_factory=dict)
    orphans: dict[str, int] = field(default_factory=dict)
    findings: list[BagError] = field(default_factory=list)
    ros_distro: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    packed: set[str] = field(default_factory=set)
    """How the data are compressed: `file`, `message`, or both."""
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    statistics: TopicStatistics | None = None
    stretches: list[tuple[int, int]] = field(default_factory=list)
    """First and last time of messages that follow each other without a leap."""

    def index(self) -> BagIndex:
        """The index of the bag."""
        start, end = self.span() or (None, None)
        statistics = self.statistics or TopicStatistics(len(self.places), 0, 0)
        figures = [(name, statistics.result(place)) for name, place in self.places.items()]
        claims: dict[str, list[Topic]] = {}
        for topic, _ in self.metadata.topics:
            claims.setdefault(topic.name, []).append(topic)
        ros_distro = self.metadata.ros_distro or self.ros_distro
        types = TypesOfBag(ros_distro, self.metadata.version)
        topics = tuple(
            _topic(self._typed(name, claims.get(name, [])), counted, types)
            for name, counted in figures
        )
        playable = [topic for topic in topics if topic.playable]
        return BagIndex(
            storage_id=next(iter(self.kinds.values()), self.metadata.storage_id),
            version=self.metadata.version,
            ros_distro=ros_distro,
            compression=self.metadata.compression_format or ("zstd" if self.packed else ""),
            start_ns=start,
            end_ns=end,
            message_count=sum(topic.message_count for topic in playable),
            size=sum(topic.size for topic in playable),
            topics=topics,
            rhythms=tuple(counted.rhythm for _, counted in figures),
            types=types.types,
        )

    def _typed(self, name: str, claims: list[Topic]) -> Topic:
        """The topic from the data, with the fields they lack from what metadata.yaml claims of it.

        One that anything calls other than CDR is not played: nobody could say which of its messages are.
        """
        topic = self.variants[name][0]
        claim = claims[0] if claims else topic
        serializations = [each.serialization_format for each in (*self.variants[name], *claims)]
        foreign = (kind for kind in serializations if kind not in PLAYABLE)
        return replace(
            topic,
            serialization_format=next(foreign, topic.serialization_format),
            type=topic.type or claim.type,
            offered_qos_profiles=topic.offered_qos_profiles or claim.offered_qos_profiles,
            type_hash=topic.type_hash or claim.type_hash,
        )

    def span(self) -> tuple[int, int] | None:
        """First and last time over all files: of the messages, or as the files say before they are read."""
        if self.statistics is not None and self.statistics.counts.any():
            return int(self.statistics.firsts.min()), int(self.statistics.lasts.max())
        if not self.spans:
            return None
        firsts, lasts = zip(*self.spans.values(), strict=True)
        return min(firsts), max(lasts)

    def silence(self) -> tuple[int, int] | None:
        """The longest time between two stretches of messages, None if they are one."""
        silences: list[tuple[int, int]] = []
        ordered = sorted(self.stretches)
        end = ordered[0][1] if ordered else 0
        for first, last in ordered:
            if first > end:
                silences.append((end, first))
            end = max(end, last)
        return max(silences, key=lambda silence: silence[1] - silence[0], default=None)

    def count(self, name: str) -> int:
        """Messages of a topic."""
        return 0 if self.statistics is None else int(self.statistics.counts[self.places[name]])

    def scan(self) -> None:
        """Read every file once: its topics and times first, then every message."""
        if len(self.files) == 1:
            with open_store(self.files[0], self.budget) as store:
                self._register(store)
                self._start_statistics()
                self._count(store)
            return
        for file in self.files:
            with open_store(file, self.budget) as store:
                self._register(store)
        self._start_statistics()
        for file in sorted(self.files, key=lambda file: self.spans.get(file.name, (0, 0))[0]):
            with open_store(file, self.budget) as store:
                self._count(store)

    def _register(self, store: Store) -> None:
        name = store.file.name
        if span := store.span():
            self.spans[name] = span
        self.kinds[name] = store.kind
        if is_packed(store.file):
            self.packed.add("file")
        self.ros_distro = self.ros_distro or store.ros_distro
        for topic in store.topics.values():
            self._add(topic)
        if len(self.places) > MAX_TOPICS:
            raise BagError("TOO_MANY_TOPICS", file=name, limit=MAX_TOPICS)

    def _add(self, topic: Topic) -> None:
        self.places.setdefault(topic.name, len(self.places))
        same = self.variants.setdefault(topic.name, [])
        if topic not in same:
            same.append(topic)

    def _start_statistics(self) -> None:
        if span := self.span():
            self.statistics = TopicStatistics(len(self.places), *span)

    def _count(self, store: Store) -> None:
        if self.statistics is None:
            return
        lookup = _Lookup(store.topics, self.places)
        faults = MessageFaults()
        for samples in store.samples():
            faults.take(samples)
            if len(store.topics) != lookup.size:
                lookup = _Lookup(store.topics, self.places)
            places = lookup.places(samples)
            inside = places >= 0
            if orphans := len(places) - int(inside.sum()):
                self.orphans[store.file.name] = self.orphans.get(store.file.name, 0) + orphans
            inside &= samples.sizes >= 0
            self.statistics.add(places[inside], samples.only(inside))
        if store.contents.unpacked:
            self.packed.add("message")
        if reason := store.order_fault:
            raise BagError("FILE_DAMAGED", file=store.file.name, reason=reason)
        self.stretches += [(part.lowest, part.highest) for part in faults.times.stretches]
        strays = faults.strays(store)
        self.findings += store.findings()
        self.findings += faults.findings(store.file.name, store.topics, strays)


class _Lookup:
    """From a topic's number in its file to its place in the statistics; -1 for none."""

    def __init__(self, topics: dict[int, Topic], places: dict[str, int]) -> None:
        self.size = len(topics)
        ordered = sorted(topics)
        self.ids = np.array(ordered or [0], np.int64)
        self.targets = np.array(
            [places.get(topics[key].name, -1) for key in ordered] or [-1], np.int64
        )

    def places(self, samples: Samples) -> NDArray[np.int64]:
        """The place of each message."""
        positions = np.minimum(np.searchsorted(self.ids, samples.topic_ids), len(self.ids) - 1)
        exists = self.ids[positions] == samples.topic_ids
        return np.where(exists, self.targets[positions], -1)


def _topic(topic: Topic, counted: TopicFigures, types: TypesOfBag) -> TopicIndex:
    rate = 0.0
    if counted.count > 1 and counted.first_ns is not None and counted.last_ns is not None:
        span = counted.last_ns - counted.first_ns
        rate = (counted.count - 1) * 1e9 / span if span else 0.0
    return TopicIndex(
        name=topic.name,
        type=topic.type,
        serialization_format=topic.serialization_format,
        offered_qos_profiles=topic.offered_qos_profiles,
        type_hash=topic.type_hash,
        message_count=counted.count,
        size=counted.size,
        first_ns=counted.first_ns,
        last_ns=counted.last_ns,
        mean_rate_hz=rate,
        histogram=counted.histogram,
        definition=types.add(topic),
    )


def survey_bag(folder: Path, metadata: Metadata, budget: Budget | None = None) -> Survey:
    """Read all data of a bag.

    Raises:
        BagError: the bag cannot be read.
    """
    require_complete(metadata)
    survey = Survey(metadata, listed_files(folder, metadata), budget or Budget())
    survey.scan()
    _require_storage(survey)
    return survey


def _require_storage(survey: Survey) -> None:
    """Refuse a claim of another storage: other tools would not open the bag."""
    claimed = survey.metadata.storage_id
    for file, kind in survey.kinds.items():
        if kind != claimed:
            raise BagError("STORAGE_MISMATCH", file=file, storage=claimed, found=kind)


def index_bag(folder: Path, budget: Budget | None = None) -> BagIndex:
    """Index a bag, in one pass over its data.

    Raises:
        BagError: the bag cannot be read.
    """
    return survey_bag(folder, read_metadata(folder), budget).index()
