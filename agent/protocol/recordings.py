"""Upload of recordings."""

from typing import Annotated

import msgspec

from agent.protocol.message import Count, Message, Time

SegmentCount = Annotated[int, msgspec.Meta(ge=0, le=2**32)]
"""Largest count of a topic in a segment: a database can store the sum over a recording."""


class RecordedFile(Message, frozen=True, kw_only=True):
    """A data file of a recording."""

    path: str
    size: int
    sha256: str


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
    """The one file, with its missing parts; empty when it is stored already."""


class FinishedPart(Message, frozen=True, kw_only=True):
    """A stored part."""

    number: int
    etag: str


class FinishedFile(Message, frozen=True, kw_only=True):
    """A file, all parts of which are stored."""

    path: str
    upload_id: str
    parts: tuple[FinishedPart, ...]


class RecordingAccepted(Message, frozen=True, kw_only=True):
    """Confirmation of a segment, or of the end of a recording, which is then verified by a task."""

    recording: int


class SegmentOffer(Message, frozen=True, kw_only=True):
    """Request for upload URLs for a closed segment of a recording, while the run goes on."""

    stage_run: int
    unit: int
    attempt: int
    agent: int | None = None
    """Number of the agent where each has a recording of its own."""
    segment: Count
    """From 0, in the order of time."""
    file: RecordedFile
    """One data file; its name says attempt and segment, such as `recording_1_0.mcap`."""
    first_ns: Time
    """Time of the first message, on the unit's wall clock."""
    last_ns: Time
    topics: dict[str, SegmentCount]
    """Messages by topic."""


class SegmentComplete(Message, frozen=True, kw_only=True):
    """All parts of a segment's file are stored."""

    stage_run: int
    unit: int
    attempt: int
    agent: int | None = None
    segment: Count
    file: FinishedFile


class RecordingClosed(Message, frozen=True, kw_only=True):
    """A recording is complete: all its segments are stored. Without segments nothing was recorded."""

    stage_run: int
    unit: int
    attempt: int
    agent: int | None = None
    segments: Count
    message_count: Count
    dropped: Count
    """Messages that were received and could not be written."""
