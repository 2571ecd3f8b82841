"""The port to the system under test."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from agent.protocol import Link, PlayedTopic, ProbeCode, RecordTopic

Publish = Callable[[bytes], object]
"""Publishes one serialized message; may block while the network is congested."""

Receive = Callable[[bytes], object]
"""Receives one serialized message of another publisher."""


NODE_NAME = "agent"
"""Name of an agent's node in ROS 2, in the namespace of the agent."""


class TransportError(Exception):
    """The system under test cannot be reached; the message says what to check."""

    code = "TRANSPORT_UNREACHABLE"
    probe_code: ProbeCode | None = None
    """Meaning for a test of the link; None: nobody was reached."""


class NotInstalledError(TransportError):
    """A library of the transport is missing; its ImportError is the cause."""

    probe_code = ProbeCode.NOT_INSTALLED


class HostUnknownError(TransportError):
    """The name of a host does not resolve."""

    probe_code = ProbeCode.NAME_UNKNOWN


class TypeUnknownError(TransportError):
    """The transport needs to know more of a message type; the message names topic and type."""

    code = "TYPE_UNKNOWN"


class TypeNotSupportedError(TransportError):
    """The transport cannot carry messages of some types on this machine."""

    code = "TYPE_NOT_SUPPORTED"

    def __init__(self, reason: str, *type_names: str) -> None:
        super().__init__(
            f"ROS 2 cannot carry messages of {', '.join(type_names)} here ({reason}). Install their message "
            "packages, choose the transport zenoh, or take their topics out of the template."
        )
        self.reason = reason
        self.type_names = type_names


class Knowledge(NamedTuple):
    """Knowledge that a transport can have about its publications."""

    connected: bool
    """It knows that the other end is there; False: nothing is watched, or counts as undelivered."""
    acknowledged: bool
    """It knows that the other end has taken a message; False: only that it was still there later."""


class LinkCheck(NamedTuple):
    """The result of asking after the link; times are monotonic, in ns."""

    connected: bool
    good_from_ns: int
    """Since when the link has not been interrupted: earlier publications may have been lost with it."""
    good_until_ns: int
    """Messages published from `good_from_ns` until then have left; it may be in the past."""


class Transport(Protocol):
    """A connection of one unit, shared by its agents."""

    errors: tuple[type[Exception], ...]
    """Exceptions that a publisher raises when the connection is lost."""

    peers: tuple[str, ...]
    """Names of those who were found when it was opened; empty where it does not know them."""

    @property
    def knowledge(self) -> Knowledge:
        """Knowledge that `check` can give, once the transport is open."""

    def open(self, link: Link, folder: Path) -> None:
        """Connect, within about five seconds; `folder` is for its files. Raises TransportError."""

    def publisher(self, namespace: str, topic: PlayedTopic) -> Publish:
        """Prepare a publisher of one agent's topic, ready for the hot loop.

        Raises:
            TransportError: It cannot be made, or `topic_names` has no such name for this transport.
        """

    def subscribers(self, namespace: str, topic: PlayedTopic) -> int | None:
        """Number of subscribers that the publisher of one agent's topic reaches; None: not known.

        A transport that only knows whether there are any returns 1 for some.
        """

    def subscribe(self, namespace: str, topic: RecordTopic, receive: Receive) -> None:
        """Call `receive` for messages of others on one agent's topic, in a thread of the transport.

        Own publications are left out, as the caller has them already. Raises TransportError.
        """

    def check(self) -> LinkCheck:
        """Ask after the link, within about a second; called by one thread, a few times a second."""

    def close(self) -> None:
        """Send pending messages, then disconnect; may be called twice."""
