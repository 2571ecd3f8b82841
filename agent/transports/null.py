"""A system under test that is not there: publications are counted by the caller and go nowhere."""

from agent.protocol import Link
from agent.transports.base import Publish, Receive


def discard(data: bytes) -> None:
    """Take a message and forget it."""


class NullTransport:
    """Reaches nothing, always."""

    errors: tuple[type[Exception], ...] = ()

    def open(self, link: Link) -> None:
        """Nothing to connect to."""

    def publisher(self, namespace: str, topic: str) -> Publish:
        """A publisher that forgets."""
        return discard

    def subscribe(self, namespace: str, topic: str, receive: Receive) -> None:
        """Nobody else publishes here."""

    def connected(self) -> bool:
        """Nobody is expected, nobody is missed."""
        return True

    def close(self) -> None:
        """Nothing to disconnect."""
