"""A transport without a system under test: publications are counted by the caller and discarded."""

import time
from pathlib import Path

from agent.protocol import Link, PlayedTopic, RecordTopic
from agent.transports.base import Knowledge, LinkCheck, Publish, Receive


def discard(data: bytes) -> None:
    """Discard a message."""


class NullTransport:
    """Transport that discards all messages."""

    errors: tuple[type[Exception], ...] = ()
    peers: tuple[str, ...] = ()
    knowledge = Knowledge(connected=False, acknowledged=False)

    def open(self, link: Link, folder: Path) -> None:
        """Nothing to connect to."""

    def publisher(self, namespace: str, topic: PlayedTopic) -> Publish:
        """Return a publisher that discards messages."""
        return discard

    def subscribers(self, namespace: str, topic: PlayedTopic) -> int | None:
        """Nothing is known, as there is no other end."""
        return None

    def subscribe(self, namespace: str, topic: RecordTopic, receive: Receive) -> None:
        """There are no other publishers."""

    def check(self) -> LinkCheck:
        """Always good, as there is no other end."""
        return LinkCheck(connected=True, good_from_ns=0, good_until_ns=time.monotonic_ns())

    def close(self) -> None:
        """Nothing to disconnect."""
