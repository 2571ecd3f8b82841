"""Tests of links."""

from enum import StrEnum

from agent.protocol.message import Message


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
    NOT_ACCEPTED = "NOT_ACCEPTED"
    """The port is open, but nothing was connected with these certificates and credentials."""
    SECRET_INVALID = "SECRET_INVALID"  # noqa: S105  the name of a code
    NO_PEER = "NO_PEER"
    NOWHERE = "NOWHERE"
    """Neither endpoint nor discovery."""
    NOT_INSTALLED = "NOT_INSTALLED"
    """A library of the transport is missing where the test ran."""
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
