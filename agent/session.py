"""One replay session: bag, transport and recordings, set up, played and closed."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.client import Client
from agent.failures import EXIT_FAILED, EXIT_NO_RETRY, UnitFailure
from agent.feed import Feed, Timing
from agent.link_watch import LinkWatch
from agent.matching import Matching
from agent.orders import Orders
from agent.played_part import PlayedPart
from agent.protocol import Assignment, PlayedTopic
from agent.recording.recordings import Recordings
from agent.recording.uploader import Sender
from agent.replay import Playback, PlaybackControl, Player
from agent.rewriting import rewriter_of
from agent.settings import Settings
from agent.sim_clock import CLOCK, ROOT_NAMESPACE, ClockPublisher, SimulatedTime
from agent.topic_names import listing, not_carried
from agent.transports import Transport, TransportError, create
from agent.transports.base import Publish, TypeNotSupportedError, TypeUnknownError
from rosbag2.errors import BagError

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

    def __init__(
        self, settings: Settings, assignment: Assignment, client: Client, orders: Orders
    ) -> None:
        self.recordings: Recordings | None = None
        """Set by `prepare` if there are topics to record."""
        self._settings = settings
        self._assignment = assignment
        self._client = client
        self._orders = orders
        self._rewriter = rewriter_of(assignment)
        self._feed: Feed | None = None
        self.link: LinkWatch | None = None
        self._transport: Transport | None = None
        self._matching: Matching | None = None
        self._player: Player | None = None
        self._publishers_by_topic: dict[str, list[Publish]] = {}
        self._simulated: SimulatedTime | None = None
        self._publish_clock: Publish | None = None

    def prepare(self, bag: Path) -> None:
        """Load the bag, connect, and create all publishers and subscriptions."""
        self._check_names()
        self._feed = self._make_feed(bag)
        self._feed.prepare()
        try:
            self._transport = create(self._assignment.link)
            self._transport.open(self._assignment.link, self._settings.work_dir)
            if self._assignment.record:
                self.recordings = self._make_recordings()
            self._publish(self._transport)
            self._prepare_clock(self._transport, self._feed.first_ns)
            self._subscribe(self._transport)
            self._matching = Matching(self._transport, self._assignment)
            self._watch(self._transport)
        except TransportError as error:
            of_types = isinstance(error, TypeUnknownError | TypeNotSupportedError)
            exit_code = EXIT_NO_RETRY if of_types else EXIT_FAILED
            raise UnitFailure(error.code, str(error), exit_code=exit_code) from error

    def _make_feed(self, bag: Path) -> Feed:
        plan = self._assignment
        part = PlayedPart(plan.start_offset, plan.end_offset)
        latched = [topic for topic in plan.topics if topic.qos.durability == "transient_local"]
        return Feed(
            bag,
            [topic.name for topic in plan.topics],
            Timing(plan.rate, plan.max_gap_seconds, part),
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

    def _make_recordings(self) -> Recordings:
        plan = self._assignment
        recordings = Recordings(
            self._client,
            Sender(self._settings.stage_run, self._settings.unit, plan.attempt),
            plan,
            self._settings.work_dir / f"recording-{plan.attempt}",
            lambda: self._orders.superseded,
        )
        recordings.start()
        return recordings

    def _record(self, agent: int, topic: str) -> Publish | None:
        return self.recordings.input_for(agent, topic) if self.recordings else None

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
            record = self._record(number, topic.published_name)
            # Own messages are recorded here, not from the network, where they could be lost.
            publishers.append(tee(publish, record) if own and record else publish)
        return publishers

    def _prepare_clock(self, transport: Transport, first_ns: int | None) -> None:
        plan = self._assignment
        if not plan.clock_hz or first_ns is None:
            return
        self._simulated = SimulatedTime(first_ns, plan.rate)
        if plan.publishes_clock:
            self._publish_clock = transport.publisher(ROOT_NAMESPACE, CLOCK)

    def _subscribe(self, transport: Transport) -> None:
        for number, agent in enumerate(self._assignment.agents):
            for topic in self._assignment.record:
                if record := self._record(number, topic.name):
                    transport.subscribe(agent.namespace, topic, record)

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
        stamp = self._simulated.now if self._simulated else time.time_ns
        self._player = Player(
            self._feed,
            self._publishers_by_topic,
            playback,
            PlaybackControl(release, self._begin, halt, stamp),
            agents=len(self._assignment.agents),
            rewriter=self._rewriter,
        )
        return self._player

    def _begin(self) -> None:
        if self.recordings:
            self.recordings.recorder.begin()
        if self._player and self._simulated:
            self._simulated.release_ns = self._player.release_ns
            if self._publish_clock:
                playing, hz = self._player.is_alive, self._assignment.clock_hz
                ClockPublisher(self._publish_clock, self._simulated, hz, playing).start()

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
        try:
            if self._transport:
                self._transport.close()
        finally:
            # Also after an error of the network: what is in the open segment would be lost with it.
            if self.recordings:
                self.recordings.recorder.close()

    def upload_recordings(self) -> None:
        """Upload what is not stored yet, and close the recordings, also those that never began."""
        if self._assignment.record:
            (self.recordings or self._make_recordings()).upload()

    def _drain(self) -> None:
        """Wait until no message has arrived for a moment, as responses may still be on their way."""
        recorder = self.recordings.recorder if self.recordings else None
        if recorder is None or not recorder.started or self._assignment.link.transport == "null":
            return
        deadline = time.monotonic() + DRAIN_SECONDS
        accepted = -1
        while accepted != recorder.accepted and time.monotonic() < deadline:
            accepted = recorder.accepted
            time.sleep(IDLE_SECONDS)
