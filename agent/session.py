"""One replay session: bag, transport and recorder, set up, played and closed."""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent.excerpt import Excerpt
from agent.failures import EXIT_FAILED, EXIT_NO_RETRY, UnitFailure
from agent.feed import Feed, Timing
from agent.link_watch import LinkWatch
from agent.matching import Matching
from agent.protocol import Assignment, PlayedTopic, RecordTopic
from agent.recorder import Recorder
from agent.replay import Playback, PlaybackControl, Player
from agent.rewriting import rewriter_of
from agent.topic_names import full_name, listing, not_carried, with_slash
from agent.transports import Transport, TransportError, create
from agent.transports.base import Publish, TypeNotSupportedError, TypeUnknownError
from rosbag2.errors import BagError
from rosbag2.formats.metadata import Topic

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.3
DRAIN_SECONDS = 2.0


def tee(publish: Publish, record: Publish) -> Publish:
    """Return a publisher whose messages are also recorded, after the network has accepted them."""

    def both(data: bytes) -> None:
        publish(data)
        record(data)

    return both


class Session:
    """Everything that one attempt of a unit keeps open. Methods raise UnitFailure."""

    def __init__(self, assignment: Assignment, folder: Path) -> None:
        self.recorder: Recorder | None = None
        self._assignment = assignment
        self._folder = folder
        self.recording = folder / f"recording-{assignment.attempt}"
        """The folder of the recording; created by `prepare` if there are topics to record."""
        self._rewriter = rewriter_of(assignment)
        self._feed: Feed | None = None
        self.link: LinkWatch | None = None
        self._transport: Transport | None = None
        self._matching: Matching | None = None
        self._player: Player | None = None
        self._recorder_inputs: dict[tuple[int, str], Publish] = {}
        self._publishers_by_topic: dict[str, list[Publish]] = {}

    def prepare(self, bag: Path) -> None:
        """Load the bag, connect, and create all publishers and subscriptions."""
        self._check_names()
        self._feed = self._make_feed(bag)
        self._feed.prepare()
        try:
            self._transport = create(self._assignment.link)
            self._transport.open(self._assignment.link, self._folder)
            self._prepare_recorder(self._feed.topics)
            self._publish(self._transport)
            self._subscribe(self._transport)
            self._matching = Matching(self._transport, self._assignment)
            self._watch(self._transport)
        except TransportError as error:
            of_types = isinstance(error, TypeUnknownError | TypeNotSupportedError)
            exit_code = EXIT_NO_RETRY if of_types else EXIT_FAILED
            raise UnitFailure(error.code, str(error), exit_code=exit_code) from error

    def _make_feed(self, bag: Path) -> Feed:
        plan = self._assignment
        excerpt = Excerpt(plan.start_offset, plan.end_offset)
        latched = [topic for topic in plan.topics if topic.qos.durability == "transient_local"]
        return Feed(
            bag,
            [topic.name for topic in plan.topics],
            Timing(plan.rate, plan.max_gap_seconds, excerpt),
            latched={topic.name: topic.qos.kept for topic in latched},
            rewriter=self._rewriter,
        )

    def _check_names(self) -> None:
        """Refuse names that the server should have refused: a wildcard would reach every subscriber."""
        transport = self._assignment.link.transport
        recorded = [topic.name for topic in self._assignment.record]
        played = not_carried(transport, [t.published_name for t in self._assignment.topics])
        if names := list(dict.fromkeys(played + not_carried(transport, recorded))):
            raise UnitFailure(
                "TOPIC_NOT_CARRIED",
                f"The transport {transport} cannot carry {listing(transport, names)}. "
                "Take these topics out of the template, or let it leave them out.",
                exit_code=EXIT_NO_RETRY,
            )

    def _prepare_recorder(self, in_bag: Mapping[str, Topic]) -> None:
        """Create one recorder for all agents; the metadata of a topic comes from the bag if it has it."""
        recorded = self._recorded()
        in_bag_by_name = {with_slash(name): topic for name, topic in in_bag.items()}
        topics: dict[tuple[int, str], Topic] = {}
        for number, agent in enumerate(self._assignment.agents):
            for name, topic in recorded.items():
                topic_metadata = in_bag_by_name.get(name, Topic(name, topic.type))
                topics[number, name] = dataclasses.replace(
                    topic_metadata, name=full_name(agent.namespace, name)
                )
        if not topics:
            return
        self.recorder = Recorder(self.recording, tuple(topics.values()))
        for index, key in enumerate(topics):
            self._recorder_inputs[key] = self.recorder.input_for(index)
        self.recorder.start()

    def _publish(self, transport: Transport) -> None:
        """Create all publishers; the types that are not supported are named together."""
        refused: dict[str, str] = {}
        for topic in self._assignment.topics:
            try:
                self._publishers_by_topic[topic.name] = self._publishers(transport, topic)
            except TypeNotSupportedError as error:
                refused |= dict.fromkeys(error.type_names, error.reason)
        if refused:
            raise TypeNotSupportedError(next(iter(refused.values())), *refused)

    def _publishers(self, transport: Transport, topic: PlayedTopic) -> list[Publish]:
        own = self._assignment.record_own or self._assignment.link.transport == "null"
        publishers = []
        for number, agent in enumerate(self._assignment.agents):
            publish = transport.publisher(agent.namespace, topic)
            record = self._recorder_inputs.get((number, with_slash(topic.published_name)))
            # Own messages are recorded here, not from the network, where they could be lost.
            publishers.append(tee(publish, record) if own and record else publish)
        return publishers

    def _subscribe(self, transport: Transport) -> None:
        recorded = self._recorded()
        for (number, name), record in self._recorder_inputs.items():
            transport.subscribe(self._assignment.agents[number].namespace, recorded[name], record)

    def _recorded(self) -> dict[str, RecordTopic]:
        return {with_slash(topic.name): topic for topic in self._assignment.record}

    def _watch(self, transport: Transport) -> None:
        name = self._assignment.link.endpoint or "the network"
        self.link = LinkWatch(transport, name, self._count_published)
        self.link.start()

    def _count_published(self) -> int:
        return self._player.published if self._player else 0

    @property
    def matching(self) -> Matching:
        """The subscribers of its publishers."""
        if self._matching is None:
            raise RuntimeError("call prepare first")
        return self._matching

    def player(self, release: Callable[[], int], halt: threading.Event) -> Player:
        """Create the player for this session, not yet started."""
        if self._feed is None:
            raise RuntimeError("call prepare first")
        plan = self._assignment
        playback = Playback(plan.rate, plan.passes, plan.execution_time, plan.pass_gap)
        self._player = Player(
            self._feed,
            self._publishers_by_topic,
            playback,
            PlaybackControl(release, self._begin, halt),
            agents=len(self._assignment.agents),
            rewriter=self._rewriter,
        )
        return self._player

    def _begin(self) -> None:
        if self.recorder:
            self.recorder.begin()

    def await_confirmation(self, *, stopped: bool) -> None:
        """Wait until it is known whether the last message has left; what is not known by then is lost."""
        if self.link and self._player:
            self.link.await_confirmation(stopped=stopped)

    def check_delivery(self) -> None:
        """Raise UnitFailure when more messages are lost than the stage allows."""
        outages = self.link.outages if self.link else ()
        undelivered = sum(outage.messages for outage in outages)
        if undelivered > self._assignment.lost_messages_allowed:
            raise UnitFailure(
                "TRANSPORT_LOST",
                f"{undelivered} messages of each agent may not have arrived, as the connection to "
                f"{self._assignment.link.endpoint or 'the network'} was lost.",
            )

    def explain(self, error: Exception) -> Exception:
        """Convert an error of the player into a failure of the part that caused it."""
        connection_errors: Sequence[type[Exception]] = (
            self._transport.errors if self._transport else ()
        )
        if isinstance(error, tuple(connection_errors)):
            return UnitFailure(
                "TRANSPORT_UNREACHABLE",
                f"The connection to {self._assignment.link.endpoint or 'the network'} was lost ({error}). "
                "Check the system under test, then start again.",
            )
        if isinstance(error, BagError):
            return UnitFailure("BAG_INVALID", str(error))
        return error

    def close(self) -> None:
        """Wait for pending messages, then disconnect and finish the recording."""
        if self._feed:
            self._feed.close()
        self._drain()
        if self.link:
            self.link.close()
        if self._transport:
            self._transport.close()
        if self.recorder:
            self.recorder.close()

    def _drain(self) -> None:
        """Wait until no message has arrived for a moment, as responses may still be on their way."""
        recorder = self.recorder
        if recorder is None or not recorder.started or self._assignment.link.transport == "null":
            return
        deadline = time.monotonic() + DRAIN_SECONDS
        accepted = -1
        while accepted != recorder.accepted and time.monotonic() < deadline:
            accepted = recorder.accepted
            time.sleep(IDLE_SECONDS)
