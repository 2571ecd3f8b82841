"""The port to the system under test."""

from collections.abc import Callable
from typing import Protocol

from agent.protocol import Link

Publish = Callable[[bytes], object]
"""Publishes one serialized message; may block while the network is congested."""

Receive = Callable[[bytes], object]
"""Receives one serialized message of another publisher."""


class TransportError(Exception):
    """The system under test cannot be reached; the message says what to check."""


class Transport(Protocol):
    """A connection of one unit, shared by its agents."""

    errors: tuple[type[Exception], ...]
    """Exceptions that a publisher raises when the connection is lost."""

    def open(self, link: Link) -> None:
        """Connect, within about five seconds. Raises TransportError."""

    def publisher(self, namespace: str, topic: str) -> Publish:
        """Prepare a publisher of one agent's topic, ready for the hot loop. Raises TransportError."""

    def subscribe(self, namespace: str, topic: str, receive: Receive) -> None:
        """Call `receive` for messages of others on one agent's topic, in a thread of the transport.

        Own publications are left out, as the caller has them already. Raises TransportError.
        """

    def connected(self) -> bool:
        """Return False when the other end is known to be disconnected."""

    def close(self) -> None:
        """Send pending messages, then disconnect; may be called twice."""
