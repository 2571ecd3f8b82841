"""Reports of a unit, and the answers of the server."""

from enum import StrEnum
from typing import Annotated

import msgspec

from agent.protocol.message import Count, Message, Time

MAX_OUTAGES = 50
"""Outages that a report lists; later ones are counted as one."""
MAX_UNHEARD = 10
"""Topics, and names of each, that a failure lists."""


class AgentState(StrEnum):
    """State of one agent's attempt."""

    PENDING = "PENDING"
    STARTING = "STARTING"
    READY = "READY"
    RUNNING = "RUNNING"
    UPLOADING = "UPLOADING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"
    LOST = "LOST"


class Command(StrEnum):
    """The command to a unit as it stands now; every answer repeats it."""

    WAIT = "wait"
    GO = "go"
    STOP = "stop"


class RecordingSummary(Message, frozen=True, kw_only=True):
    """Counts of recordings so far: of all of the unit, or of one agent's."""

    messages: Count
    """On the unit's disk, or stored."""
    stored_bytes: Count
    dropped: Count = 0
    segments: Count = 0
    """Closed and stored; those of one recording are stored in their order."""
    open_since_ns: Time | None = None
    """Time of the first message that no stored segment has, on the unit's clock; none: all are stored."""


class AgentReport(Message, frozen=True, kw_only=True):
    """One agent within a snapshot; counts are cumulative over the attempt."""

    number: int
    state: AgentState
    published: Count = 0
    published_bytes: Count = 0
    passes: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    messages_unchanged: Count = 0
    """Published without the change of stamps or frame ids, as they could not be read."""
    messages_late: Count | None = None
    """Published more than 5 ms after they were due; none when unpaced, and from older agents."""
    lateness_p50_us: float | None = None
    lateness_p99_us: float | None = None
    start_skew_us: float | None = None
    """First publication minus release, on the server's clock."""
    skew_uncertainty_us: float | None = None
    """Uncertainty of the skew: half the shortest round trip."""
    recording: RecordingSummary | None = None
    """Only where each agent has a recording of its own."""


class Unheard(Message, frozen=True, kw_only=True):
    """A topic that must have a subscriber, and has none for some agents."""

    topic: str
    """Name in the bag."""
    agents: Count
    """Agents of the unit without a subscriber."""
    first: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_UNHEARD)]
    """The first of its names as published, such as `/agent_7/odom`."""


class Failure(Message, frozen=True, kw_only=True):
    """Failure of a unit's agents, with a code of the server's `choices`."""

    code: str
    text: str
    unheard: Annotated[tuple[Unheard, ...], msgspec.Meta(max_length=MAX_UNHEARD)] = ()
    """With NOBODY_LISTENS: the first topics."""


class ExitReport(Message, frozen=True, kw_only=True):
    """The end of an attempt: content of `exit.json` and of the termination message of a container."""

    attempt: int = 0
    """0: the unit ended before it had one."""
    code: int
    """Exit code."""
    failure: str = ""
    """Failure code; empty if it completed or was stopped."""
    text: str = ""
    """The failure in words."""


class ResourceUse(Message, frozen=True, kw_only=True):
    """CPU time and memory of the unit; of its cgroup if it has one of its own, else of its process."""

    cpu_seconds: Annotated[float, msgspec.Meta(ge=0, le=2**53)]
    """CPU time since the process began."""
    cpu_cores: Annotated[float, msgspec.Meta(ge=0, le=2**53)]
    """CPU time per second between this heartbeat and the one before."""
    memory_bytes: Count
    """Resident memory now."""
    memory_peak_bytes: Count
    """The most that any heartbeat has reported."""


class Outage(Message, frozen=True, kw_only=True):
    """An outage of the unit's link; times are on the server's clock, as estimated by the unit."""

    began_ns: Time
    """Time at which the link was last known to be good."""
    ended_ns: Time | None = None
    """Time at which it was good again; none: it is not."""
    messages: Count = 0
    """Messages of each agent that may not have left; none when it turns out that all have."""


class TopicMatch(Message, frozen=True, kw_only=True):
    """Subscribers of a played topic, as they were when the agents started."""

    topic: str
    """Name in the bag."""
    agents: Count
    """Agents of the unit whose publisher had a subscriber."""
    fewest: Count
    """Subscribers of the publisher that had the fewest; Zenoh only tells whether there are any."""
    most: Count


class Snapshot(Message, frozen=True, kw_only=True):
    """Complete state of a unit, sent with each heartbeat: idempotent, the newest sequence wins."""

    stage_run: int
    unit: int
    attempt: int
    sequence: int
    sent_ns: Time
    agents: tuple[AgentReport, ...]
    late: bool = False
    """Joined after the release."""
    log_offset: int = 0
    """Position of `log` within the unit's log, in characters."""
    log: str = ""
    failure: Failure | None = None
    recording: RecordingSummary | None = None
    """Sum over all recordings of the unit."""
    resources: ResourceUse | None = None
    """None from older agents, and where the system does not say."""
    outages: Annotated[tuple[Outage, ...], msgspec.Meta(max_length=MAX_OUTAGES)] = ()
    """Of the link, in order; only the last one may not have ended."""
    matched: tuple[TopicMatch, ...] = ()
    """Of each played topic, since the start; empty before, and where the transport does not know."""
    last_publication_ns: Time | None = None
    """On the server's clock, as estimated by the unit."""
    final: bool = False
    """The last snapshot: every agent has ended, and recordings are stored or abandoned."""

    @property
    def undelivered(self) -> int:
        """Messages of each agent that may not have left."""
        return sum(outage.messages for outage in self.outages)


class Answer(Message, frozen=True, kw_only=True):
    """Answer to a snapshot: the command, and the two timestamps of the server."""

    command: Command
    received_ns: int
    sent_ns: int
    release_ns: int | None = None
    """With `go`: time of the start on the server's clock."""
    log_received: int = 0
    """Log characters that the server has: the unit continues from here."""
    reason: str = ""
    """With `stop`: the reason."""


class Echo(Message, frozen=True, kw_only=True):
    """Message that takes the path of a heartbeat and comes back, as proof that the path works."""
