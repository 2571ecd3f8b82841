"""All recordings of a unit, from the topics to record to the confirmation that they are stored."""

from collections.abc import Callable
from pathlib import Path

from agent.client import Client
from agent.protocol import Assignment, RecordingSummary, RecordTopic
from agent.recording.recorder import Recorder
from agent.recording.segments import SegmentRules, SegmentWriter
from agent.recording.uploader import Sender, Uploader
from agent.topic_names import full_name, with_slash
from agent.transports.base import Publish
from rosbag2.formats import qos
from rosbag2.formats.metadata import Topic


class Recordings:
    """One recording for all agents of the unit, or one for each.

    Args:
        client: The server.
        sender: This unit and its attempt.
        assignment: Its part of the plan, with topics to record.
        folder: The folder for segments, until they are stored.
        superseded: Returns True when a newer attempt has taken over.
    """

    def __init__(
        self,
        client: Client,
        sender: Sender,
        assignment: Assignment,
        folder: Path,
        superseded: Callable[[], bool],
    ) -> None:
        self.folder = folder
        numbers = [agent.number for agent in assignment.agents]
        self._per_agent = assignment.record_scope == "agent"
        self._agents: tuple[int | None, ...] = tuple(numbers) if self._per_agent else (None,)
        self._indexes: dict[tuple[int, str], tuple[int, int]] = {}
        topics = self._topics(assignment)
        rules = SegmentRules(
            assignment.record_storage, assignment.segment_seconds, assignment.segment_bytes
        )
        self._writers = [
            SegmentWriter(folder, _stem(agent, assignment.attempt), topics[place], rules)
            for place, agent in enumerate(self._agents)
        ]
        self._uploader = Uploader(
            client,
            sender,
            self._agents,
            limit_seconds=assignment.upload_limit_seconds,
            superseded=superseded,
        )
        self.recorder = Recorder(self._writers, self._uploader.add)

    def start(self) -> None:
        """Start the threads; nothing is recorded before the recorder's `begin`."""
        self.recorder.start()
        self._uploader.start()

    def input_for(self, agent: int, topic: str) -> Publish | None:
        """Return the callable that records an agent's topic; None if it is not recorded.

        Args:
            agent: Index of the agent in the unit.
            topic: Name within its namespace.
        """
        indexes = self._indexes.get((agent, with_slash(topic)))
        return self.recorder.input_for(*indexes) if indexes else None

    def summary(self) -> RecordingSummary:
        """Return the sum over all recordings."""
        rows = [self._summary(place) for place in range(len(self._writers))]
        waiting = [row.open_since_ns for row in rows if row.open_since_ns is not None]
        return RecordingSummary(
            messages=sum(row.messages for row in rows),
            stored_bytes=sum(row.stored_bytes for row in rows),
            dropped=sum(row.dropped for row in rows),
            segments=sum(row.segments for row in rows),
            open_since_ns=min(waiting, default=None),
        )

    def summary_of(self, agent: int) -> RecordingSummary | None:
        """Return the summary of an agent's own recording, by its index; None where the unit has only one."""
        return self._summary(agent) if self._per_agent else None

    def _summary(self, place: int) -> RecordingSummary:
        writer = self._writers[place]
        # In this order: a segment that is closed meanwhile is seen twice, not never, and what is open lies
        # after all that counts as stored.
        stored = self._uploader.stored_segments(place)
        opened = writer.open_since_ns
        waiting = self._uploader.waiting_since_ns(place)
        return RecordingSummary(
            messages=writer.messages,
            stored_bytes=writer.bytes,
            dropped=self.recorder.dropped(place),
            segments=stored,
            open_since_ns=opened if waiting is None else waiting,
        )

    def upload(self) -> None:
        """Upload what is not stored yet, and close the recordings; raises as `Uploader.finish`."""
        places = range(len(self._writers))
        self._uploader.finish(tuple(self.recorder.dropped(place) for place in places))

    def _topics(self, assignment: Assignment) -> list[list[Topic]]:
        """Topics of each recording, under their full names."""
        topics: list[list[Topic]] = [[] for _ in self._agents]
        for index, agent in enumerate(assignment.agents):
            place = index if self._per_agent else 0
            for topic in assignment.record:
                name = with_slash(topic.name)
                self._indexes[index, name] = (place, len(topics[place]))
                topics[place].append(_described(topic, full_name(agent.namespace, name)))
        return topics


def _described(topic: RecordTopic, name: str) -> Topic:
    """A topic as the plan describes it, from which the server composes the metadata of all segments."""
    profile = qos.profile_text(
        reliability=topic.qos.reliability,
        durability=topic.qos.durability,
        history=topic.qos.history,
        depth=topic.qos.depth,
    )
    return Topic(
        name,
        topic.type,
        offered_qos_profiles=profile,
        type_hash=topic.type_hash,
        definition=topic.definition,
        definition_encoding=topic.definition_encoding,
    )


def _stem(agent: int | None, attempt: int) -> str:
    """Beginning of the names of a recording's files."""
    return f"recording_{attempt}" if agent is None else f"recording_agent_{agent}_{attempt}"
