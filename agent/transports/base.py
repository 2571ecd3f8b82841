"""The port to the system under test."""

from collections.abc import Callable
from typing import Protocol

from agent.protocol import Link

Publish = Callable[[bytes], object]
"""Hands one serialized message to the network; may block while the network is congested."""

Receive = Callable[[bytes], object]
"""Takes one serialized message that another publisher sent."""


class TransportError(Exception):
    """The system under test cannot be reached; the text says what to check."""


class Transport(Protocol):
    """A connection of one unit, shared by its agents."""

    errors: tuple[type[Exception], ...]
    """What a publisher raises when the connection is lost."""

    def open(self, link: Link) -> None:
        """Connect, within about five seconds. Raises TransportError."""

    def publisher(self, namespace: str, topic: str) -> Publish:
        """Prepare a publisher of one agent's topic, ready for the hot loop. Raises TransportError."""

    def subscribe(self, namespace: str, topic: str, receive: Receive) -> None:
        """Hand over what others publish on one agent's topic, on a thread of the transport.

        Own publications are not handed over: who wants them has them already. Raises TransportError.
        """

    def connected(self) -> bool:
        """Whether there is anybody at the other end now; True where that cannot be known."""

    def close(self) -> None:
        """Send what is under way, then disconnect; twice is no error."""
