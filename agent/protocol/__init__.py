"""The messages between a unit and the server; the only module of `agent` that the server imports.

Messages are JSON over HTTP. `decode` checks their types and ignores unknown fields, so that a newer side may
add some. Times named `*_ns` are nanoseconds since the Unix epoch on the sender's clock unless stated
otherwise; lateness and skew are microseconds; sizes are bytes.

A unit calls, each with `Authorization: Unit <token>`:

| call | request | response |
| --- | --- | --- |
| `POST <server>/units/register` | `Registration` | `Assignment` |
| `POST <server>/units/report` | `Snapshot` | `Answer` |
| `POST <server>/units/recording` | `SegmentOffer` | `RecordingUpload` (again: new URLs) |
| `POST <server>/units/recording/complete` | `SegmentComplete` | `RecordingAccepted` |
| `POST <server>/units/recording/close` | `RecordingClosed` | `RecordingAccepted` |

A recording is uploaded in segments while the run goes on, and closed at its end; each call may be repeated.
With a token of no execution the controller calls `POST <server>/units/echo`: request and response are `Echo`.

An error is a problem document; 409 with code `superseded` means that a newer attempt has taken over.
"""

from agent.protocol.assignment import (
    SECRET_NAME,
    AgentSlot,
    Assignment,
    BagFile,
    Link,
    PlayedTopic,
    Qos,
    RecordTopic,
    Registration,
)
from agent.protocol.message import PROTOCOL, Message, MessageType, decode, encode
from agent.protocol.probes import ProbeCode, ProbeResult
from agent.protocol.recordings import (
    FileUpload,
    FinishedFile,
    FinishedPart,
    PartAddress,
    RecordedFile,
    RecordingAccepted,
    RecordingClosed,
    RecordingUpload,
    SegmentComplete,
    SegmentOffer,
)
from agent.protocol.reports import (
    MAX_OUTAGES,
    MAX_UNHEARD,
    AgentReport,
    AgentState,
    Answer,
    Command,
    Echo,
    ExitReport,
    Failure,
    Outage,
    RecordingSummary,
    ResourceUse,
    Snapshot,
    TopicMatch,
    Unheard,
)

__all__ = [
    "MAX_OUTAGES",
    "MAX_UNHEARD",
    "PROTOCOL",
    "SECRET_NAME",
    "AgentReport",
    "AgentSlot",
    "AgentState",
    "Answer",
    "Assignment",
    "BagFile",
    "Command",
    "Echo",
    "ExitReport",
    "Failure",
    "FileUpload",
    "FinishedFile",
    "FinishedPart",
    "Link",
    "Message",
    "MessageType",
    "Outage",
    "PartAddress",
    "PlayedTopic",
    "ProbeCode",
    "ProbeResult",
    "Qos",
    "RecordTopic",
    "RecordedFile",
    "RecordingAccepted",
    "RecordingClosed",
    "RecordingSummary",
    "RecordingUpload",
    "Registration",
    "ResourceUse",
    "SegmentComplete",
    "SegmentOffer",
    "Snapshot",
    "TopicMatch",
    "Unheard",
    "decode",
    "encode",
]
