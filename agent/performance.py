"""One performance: bag, transport and recorder put together, played, and taken apart again."""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent.failures import UnitFailure
from agent.feed import Feed
from agent.protocol import Assignment
from agent.recorder import Recorder
from agent.replay import Clockwork, Cue, Pace
from agent.transports import Transport, TransportError, create
from agent.transports.base import Publish
from rosbag2.errors import BagError
from rosbag2.formats.metadata import Topic

log = logging.getLogger(__name__)

QUIET_SECONDS = 0.3
DRAIN_SECONDS = 2.0


def full_name(namespace: str, topic: str) -> str:
    """The topic as the network sees it: `/agent_7`, `/odom` -> `/agent_7/odom`."""
    return f"{namespace.rstrip('/')}/{topic.lstrip('/')}"


def rooted(topic: str) -> str:
    """The name with its slash: bags spell topics with and without."""
    return "/" + topic.lstrip("/")


def tee(put: Publish, take: Publish) -> Publish:
    """A publisher whose messages are recorded as well, once the network has taken them."""

    def both(data: bytes) -> None:
        put(data)
        take(data)

    return both


class Performance:
    """Everything that one run of a unit holds open. Each method raises UnitFailure."""

    def __init__(self, assignment: Assignment, recording: Path) -> None:
        self.recorder: Recorder | None = None
        self._assignment = assignment
        self.recording = recording
        """The folder of the recording; there once `prepare` has run and something is to be recorded."""
        self._feed: Feed | None = None
        self._transport: Transport | None = None
        self._connected = True
        self._inlets: dict[tuple[int, str], Publish] = {}
        self._outlets: dict[str, list[Publish]] = {}

    def prepare(self, bag: Path) -> None:
        """Load the bag, connect, and make every publisher and subscription ready."""
        self._feed = Feed(bag, self._assignment.topics, rate=self._assignment.rate)
        self._feed.prepare()
        try:
            self._transport = create(self._assignment.link)
            self._transport.open(self._assignment.link)
            self._prepare_recorder(self._feed.topics)
            for topic in self._assignment.topics:
                self._outlets[topic] = self._publishers(self._transport, topic)
            self._subscribe(self._transport)
        except TransportError as error:
            raise UnitFailure("TRANSPORT_UNREACHABLE", str(error)) from error

    def _prepare_recorder(self, in_bag: Mapping[str, Topic]) -> None:
        """One recorder for all agents; metadata of a topic is the bag's where the bag has it."""
        wanted = {rooted(topic.name): topic for topic in self._assignment.record}
        spelled = {rooted(name): topic for name, topic in in_bag.items()}
        topics: dict[tuple[int, str], Topic] = {}
        for number, agent in enumerate(self._assignment.agents):
            for name, topic in wanted.items():
                known = spelled.get(name, Topic(name, topic.type))
                topics[number, name] = dataclasses.replace(
                    known, name=full_name(agent.namespace, name)
                )
        if not topics:
            return
        self.recorder = Recorder(self.recording, tuple(topics.values()))
        for index, key in enumerate(topics):
            self._inlets[key] = self.recorder.offer(index)
        self.recorder.start()

    def _publishers(self, transport: Transport, topic: str) -> list[Publish]:
        own = self._assignment.record_own or self._assignment.link.transport == "null"
        publishers = []
        for number, agent in enumerate(self._assignment.agents):
            put = transport.publisher(agent.namespace, topic)
            inlet = self._inlets.get((number, rooted(topic)))
            # Own messages are taken here, not from the network: none can be lost on the way.
            publishers.append(tee(put, inlet) if own and inlet else put)
        return publishers

    def _subscribe(self, transport: Transport) -> None:
        for (number, topic), inlet in self._inlets.items():
            namespace = self._assignment.agents[number].namespace
            transport.subscribe(namespace, topic, inlet)

    def clockwork(self, release: Callable[[], int], halt: threading.Event) -> Clockwork:
        """The clockwork for this run, not yet started."""
        if self._feed is None:
            raise RuntimeError("prepare comes first")
        pace = Pace(self._assignment.rate, self._assignment.passes, self._assignment.execution_time)
        return Clockwork(
            self._feed,
            self._outlets,
            pace,
            Cue(release, self._begin, halt),
            agents=len(self._assignment.agents),
        )

    def _begin(self) -> None:
        if self.recorder:
            self.recorder.begin()

    def watch(self) -> None:
        """Log when the system under test goes away or comes back: agents go on, as robots would."""
        there = self._transport is None or self._transport.connected()
        if there != self._connected:
            self._connected = there
            where = self._assignment.link.endpoint
            log.warning("%s %s", where, "is back" if there else "is gone: messages are lost")

    def explain(self, error: Exception) -> Exception:
        """A failure of the clockwork, in the words of whoever is to blame."""
        lost: Sequence[type[Exception]] = self._transport.errors if self._transport else ()
        if isinstance(error, tuple(lost)):
            return UnitFailure(
                "TRANSPORT_UNREACHABLE",
                f"The connection to {self._assignment.link.endpoint or 'the network'} was lost ({error}). "
                "Check the system under test, then start again.",
            )
        if isinstance(error, BagError):
            return UnitFailure("BAG_INVALID", str(error))
        return error

    def close(self) -> None:
        """Wait for what is under way, then disconnect and finish the recording."""
        if self._feed:
            self._feed.close()
        self._drain()
        if self._transport:
            self._transport.close()
        if self.recorder:
            self.recorder.close()

    def _drain(self) -> None:
        """Answers of the network may still arrive: wait until it has been quiet for a moment."""
        recorder = self.recorder
        if recorder is None or not recorder.began or self._assignment.link.transport == "null":
            return
        deadline = time.monotonic() + DRAIN_SECONDS
        taken = -1
        while taken != recorder.accepted and time.monotonic() < deadline:
            taken = recorder.accepted
            time.sleep(QUIET_SECONDS)
