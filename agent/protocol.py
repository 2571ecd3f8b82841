"""The messages between a unit and the server; the only module of `agent` that the server imports.

Messages are JSON over HTTP. `decode` checks their types and ignores unknown fields, so that a newer side may
add some. Times named `*_ns` are nanoseconds since the Unix epoch on the sender's clock unless stated
otherwise; lateness and skew are microseconds; sizes are bytes.

A unit calls, each with `Authorization: Unit <token>`:

| call | request | response |
| --- | --- | --- |
| `POST <server>/units/register` | `Registration` | `Assignment` |
| `POST <server>/units/report` | `Snapshot` | `Answer` |
| `POST <server>/units/recording` | `RecordingOffer` | `RecordingUpload` (again: new URLs) |
| `POST <server>/units/recording/complete` | `RecordingComplete` | `RecordingAccepted` |

With a token of no execution the controller calls `POST <server>/units/echo`: request and response are `Echo`.

An error is a problem document; 409 with code `superseded` means that a newer attempt has taken over.
"""

from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec

PROTOCOL = 1
"""Version of these messages; a server refuses a unit with another version."""
MAX_OUTAGES = 50
"""Outages that a report lists; later ones are counted as one."""

Time = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Nanoseconds since 1970."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Largest count in a report: a database can store the sum of some."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the messages."""


MessageType = TypeVar("MessageType", bound=Message)


def encode(message: Message) -> bytes:
    """Serialize a message as JSON."""
    return msgspec.json.encode(message)


def decode(body: bytes | str, kind: type[MessageType]) -> MessageType:
    """Parse a message of a type from JSON.

    Raises:
        ValueError: Invalid JSON, or a field is missing or of a wrong type; the message names it.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


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


class Registration(Message, frozen=True, kw_only=True):
    """Registration of a unit that has started, with its part of the plan."""

    protocol: int
    stage_run: int
    unit: int
    """Index of the unit within its stage run, from 0."""
    host: str
    pid: int
    process: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """Random name of the process: when it registers again, as no answer came, it keeps its attempt."""


class AgentSlot(Message, frozen=True, kw_only=True):
    """One agent of the unit."""

    number: int
    """Unique within the execution, from 1."""
    namespace: str
    """With leading slash, such as `/agent_7`."""


class BagFile(Message, frozen=True, kw_only=True):
    """One file of the bundle to replay."""

    path: str
    """Relative to the bundle's folder."""
    size: int
    sha256: str
    url: str
    """Signed; a path without host is relative to the server that the unit registered with."""


class RecordTopic(Message, frozen=True, kw_only=True):
    """A topic to record, named relative to the agent's namespace."""

    name: str
    type: str


class Link(Message, frozen=True, kw_only=True):
    """How agents reach the system under test."""

    transport: str
    """`null` or `zenoh-raw`."""
    endpoint: str = ""
    """Such as `tcp/127.0.0.1:7447`; empty: none."""
    discovery: str = "none"
    """`none` or `multicast`."""
    domain_id: int = 0

    @property
    def leads_somewhere(self) -> bool:
        """False for Zenoh with neither endpoint nor discovery: publications would reach nobody."""
        return self.transport != "zenoh-raw" or bool(self.endpoint) or self.discovery != "none"


class Assignment(Message, frozen=True, kw_only=True):
    """Everything a unit needs to run its part."""

    attempt: int
    """Fencing token: every later message has it, an older one is answered `stop`."""
    execution: int
    unit_name: str
    agents: tuple[AgentSlot, ...]
    bag: tuple[BagFile, ...]
    bag_digest: str
    topics: tuple[str, ...]
    """Topics to play, never empty."""
    rate: float
    """Factor on recorded time; 0: unpaced."""
    max_gap_seconds: float | None = None
    """Longest recorded time without a message of these topics that is kept; none: all of it is kept."""
    passes: int
    """Full passes of the bag, at least 1."""
    execution_time: float
    """Seconds after the release at which replay ends; 0: no limit."""
    link: Link
    record: tuple[RecordTopic, ...]
    record_own: bool
    """True to record own publications of these topics too (always done with `null`)."""
    lost_messages_allowed: int = 0
    """Messages of each agent that may be lost with the link before its attempt counts as failed."""
    heartbeat_seconds: float
    upload_limit_seconds: float
    """Time for retries of an upload before the unit gives up (its files are kept)."""


class AgentReport(Message, frozen=True, kw_only=True):
    """One agent within a snapshot; counts are cumulative over the attempt."""

    number: int
    state: AgentState
    published: Count = 0
    published_bytes: Count = 0
    passes: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    lateness_p50_us: float | None = None
    lateness_p99_us: float | None = None
    start_skew_us: float | None = None
    """First publication minus release, on the server's clock."""
    skew_uncertainty_us: float | None = None
    """Uncertainty of the skew: half the shortest round trip."""


class Failure(Message, frozen=True, kw_only=True):
    """Failure of a unit's agents, with a code of the server's `choices`."""

    code: str
    text: str


class RecordingSummary(Message, frozen=True, kw_only=True):
    """Counts of the unit's recorder so far."""

    messages: int
    stored_bytes: int
    dropped: int = 0


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


class Snapshot(Message, frozen=True, kw_only=True):
    """Complete state of a unit, sent with each heartbeat: idempotent, the newest sequence wins."""

    stage_run: int
    unit: int
    attempt: int
    sequence: int
    sent_ns: int
    agents: tuple[AgentReport, ...]
    late: bool = False
    """Joined after the release."""
    log_offset: int = 0
    """Position of `log` within the unit's log, in characters."""
    log: str = ""
    failure: Failure | None = None
    recording: RecordingSummary | None = None
    resources: ResourceUse | None = None
    """None from older agents, and where the system does not say."""
    outages: Annotated[tuple[Outage, ...], msgspec.Meta(max_length=MAX_OUTAGES)] = ()
    """Of the link, in order; only the last one may not have ended."""
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


class RecordedFile(Message, frozen=True, kw_only=True):
    """One file of a finished recording."""

    path: str
    size: int
    sha256: str


class RecordingOffer(Message, frozen=True, kw_only=True):
    """Request for upload URLs for a finished recording."""

    stage_run: int
    unit: int
    attempt: int
    message_count: int
    topics: dict[str, int]
    """Messages by topic."""
    dropped: int
    files: tuple[RecordedFile, ...]
    """Empty when nothing was recorded: then nothing is uploaded."""


class PartAddress(Message, frozen=True, kw_only=True):
    """URL to PUT one part to; the ETag header of the response goes into `FinishedPart`."""

    number: int
    url: str
    size: int


class FileUpload(Message, frozen=True, kw_only=True):
    """Missing parts of one file, in order."""

    path: str
    upload_id: str
    parts: tuple[PartAddress, ...]


class RecordingUpload(Message, frozen=True, kw_only=True):
    """Upload URLs for an offer."""

    recording: int
    files: tuple[FileUpload, ...]


class FinishedPart(Message, frozen=True, kw_only=True):
    """A stored part."""

    number: int
    etag: str


class FinishedFile(Message, frozen=True, kw_only=True):
    """A file, all parts of which are stored."""

    path: str
    upload_id: str
    parts: tuple[FinishedPart, ...]


class RecordingComplete(Message, frozen=True, kw_only=True):
    """All parts of all files are stored."""

    stage_run: int
    unit: int
    attempt: int
    recording: int
    files: tuple[FinishedFile, ...]


class RecordingAccepted(Message, frozen=True, kw_only=True):
    """Confirmation of a recording, which is then verified by a task."""

    recording: int


class ProbeCode(StrEnum):
    """Result of testing a link."""

    REACHED = "REACHED"
    PEER_FOUND = "PEER_FOUND"
    NO_SYSTEM = "NO_SYSTEM"
    """The transport has no other end."""
    NOT_FORWARDED = "NOT_FORWARDED"
    """It was connected, and passed no message on."""
    NAME_UNKNOWN = "NAME_UNKNOWN"
    HOST_UNREACHABLE = "HOST_UNREACHABLE"
    PORT_CLOSED = "PORT_CLOSED"
    NOT_ZENOH = "NOT_ZENOH"
    NO_PEER = "NO_PEER"
    NOWHERE = "NOWHERE"
    """Neither endpoint nor discovery."""
    NO_ANSWER_IN_TIME = "NO_ANSWER_IN_TIME"
    LINK_INVALID = "LINK_INVALID"
    PROBE_FAILED = "PROBE_FAILED"


class ProbeResult(Message, frozen=True, kw_only=True):
    """Answer of `python -m agent probe`."""

    reachable: bool | None
    """None: the transport has no other end."""
    code: ProbeCode
    text: str
    """The code as a sentence in English, with what to do."""
    detail: str = ""
    """Message of the system or the library."""
    round_trip_ms: float | None = None
    """Shortest of some messages by way of the router; none: it was not measured."""
