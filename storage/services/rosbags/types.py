"""Message types of a rosbag's topics, for those who play or record them: the bridge to `rosbag2`.

Sources of a type are, in this order, the definition in the rosbag, definitions that a user gives, and the
ROS distribution of the recorder. The first of them that has the hash in the rosbag counts; where the rosbag
holds none, the first of all. A hash in the rosbag always counts: it is that of the recorded publisher, which
subscribers match, while the definition is that of the recorder.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec

from rosbag2.formats import metadata
from rosbag2.formats.qos_rules import offered, requested
from rosbag2.messages.definitions import definition_of
from rosbag2.messages.distributions import distribution
from rosbag2.messages.layouts import Layout
from rosbag2.messages.message_types import TypeProblem, TypeUnknownError, full_name
from rosbag2.messages.type_hashes import (
    bad_line,
    facts_of_distribution,
    facts_of_uploads,
    is_type_hash,
    text_of_uploads,
)
from storage.models import Rosbag, RosbagTopic

__all__ = [
    "TopicType",
    "TypeProblem",
    "TypeUnknownError",
    "TypesOfRosbag",
    "bad_line",
    "facts_of_uploads",
    "offered",
    "requested",
]


class TopicType(NamedTuple):
    """A type; hash empty and layout None where they are not known, layout empty without a header."""

    name: str
    type_hash: str = ""
    layout: Layout | None = None
    encoding: str = ""
    """Of its definition: `ros2msg` or `ros2idl`; empty for those of a distribution."""
    text: str = ""
    """Of its definition in the rosbag; empty for other sources."""


class TypesOfRosbag:
    """The types of a rosbag, with `TypeDefinition` of its topics fetched, and of definitions beside it."""

    def __init__(self, rosbag: Rosbag, definitions: Mapping[str, str]) -> None:
        self._definitions = {full_name(name): text for name, text in definitions.items()}
        self._ros_distro = distribution(rosbag.ros_distro, rosbag.version)
        self._topics: dict[str, list[RosbagTopic]] = {}
        for topic in rosbag.topics.all():
            self._topics.setdefault(full_name(topic.type), []).append(topic)

    def of_topic(self, topic: RosbagTopic) -> TopicType:
        """The type of a topic of the rosbag."""
        name = full_name(topic.type)
        own = topic.type_hash if is_type_hash(topic.type_hash) else ""
        for source in self._sources(name, topic):
            if own in {"", source.type_hash}:
                return source
        return TopicType(name, own)

    def of_name(self, name: str, topic_name: str) -> TopicType:
        """The type of a name, as a topic of the rosbag has it: that of this name, else a defined one."""
        topics = self._topics.get(full_name(name), [])
        if same := [topic for topic in topics if topic.name == topic_name]:
            return self.of_topic(same[0])
        types = sorted(map(self.of_topic, topics), key=lambda known: known.layout is None)
        return next(iter(types), None) or self._of_other(full_name(name))

    def _of_other(self, name: str) -> TopicType:
        return next(self._sources(name, None), TopicType(name))

    def definition(self, topic_type: TopicType) -> tuple[str, str]:
        """Encoding and text of a type's definition with all types in it, both empty without one."""
        if topic_type.text or topic_type.layout is None:
            return topic_type.encoding, topic_type.text
        if topic_type.encoding:
            return topic_type.encoding, text_of_uploads(
                topic_type.name, self._definitions, self._ros_distro
            )
        return definition_of(metadata.Topic("", topic_type.name), self._ros_distro)

    def _sources(self, name: str, topic: RosbagTopic | None) -> Iterator[TopicType]:
        row = topic.definition if topic else None
        if row is not None and row.type_hash:
            layout = msgspec.convert(row.layout, Layout)
            yield TopicType(name, row.type_hash, layout, row.encoding, row.text)
        if name in self._definitions:
            with suppress(TypeUnknownError):
                facts = facts_of_uploads(name, self._definitions, self._ros_distro)
                yield TopicType(name, *facts, "ros2msg")
        with suppress(TypeUnknownError):
            yield TopicType(name, *facts_of_distribution(name, self._ros_distro))
