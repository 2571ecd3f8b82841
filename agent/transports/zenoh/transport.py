"""What the transports over Zenoh share: one session for all agents of the unit, and its link."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zenoh

from agent.protocol import Link
from agent.transports.base import Knowledge, LinkCheck, Publish, Receive, TransportError
from agent.transports.zenoh.link import ZenohLink
from agent.transports.zenoh.session import open_session

FLUSH_SECONDS = 0.25


class ZenohTransport:
    """One Zenoh session for all agents of the unit."""

    errors: tuple[type[Exception], ...] = (zenoh.ZError,)

    def __init__(self) -> None:
        self._session: zenoh.Session | None = None
        self._link: ZenohLink | None = None
        # Dropping what was declared undeclares it.
        self._publishers: dict[str, zenoh.Publisher] = {}
        self._declared: list[object] = []

    def open(self, link: Link, folder: Path) -> None:
        """Connect to the endpoint, or look for peers. Raises TransportError after five seconds."""
        self._session = session = open_session(link)
        self._link = ZenohLink(session, link.endpoint, self._publishers.values())

    def _require_session(self) -> zenoh.Session:
        if self._session is None:
            raise TransportError("The Zenoh session is not open.")
        return self._session

    def _require_link(self) -> ZenohLink:
        if self._link is None:
            raise TransportError("The Zenoh session is not open.")
        return self._link

    def _publish_on(self, key: str) -> Publish:
        """Declare a publisher that blocks instead of dropping messages. Raises TransportError."""
        try:
            publisher = self._require_session().declare_publisher(
                key,
                congestion_control=zenoh.CongestionControl.BLOCK,
                # Own subscriptions do not count as somebody who listens.
                allowed_destination=zenoh.Locality.REMOTE,
            )
        except zenoh.ZError as error:
            raise TransportError(f"Zenoh refuses to publish on {key}: {error}") from error
        self._publishers[key] = publisher
        put: Publish = publisher.put
        return put

    def _subscribe_to(self, key: str, receive: Receive) -> None:
        """Call `receive` for messages of other sessions. Raises TransportError."""

        def receive_sample(sample: zenoh.Sample) -> None:
            if sample.kind == zenoh.SampleKind.PUT:
                receive(sample.payload.to_bytes())

        # Called in Zenoh's receiving thread: a full recorder then blocks the sender, and no
        # unbounded queue grows in between.
        handler: Any = zenoh.handlers.Callback(receive_sample, indirect=False)
        try:
            self._declared.append(
                self._require_session().declare_subscriber(
                    key, handler, allowed_origin=zenoh.Locality.REMOTE
                )
            )
        except zenoh.ZError as error:
            raise TransportError(f"Zenoh refuses to subscribe to {key}: {error}") from error

    @property
    def knowledge(self) -> Knowledge:
        """With a router also what it has taken, with peers only whether there are any."""
        return self._require_link().knowledge

    def check(self) -> LinkCheck:
        """Ask after the router or the peers; Zenoh itself reconnects when they return."""
        return self._require_link().check()

    def close(self) -> None:
        """Wait until the last batch is sent, then close the session."""
        session, self._session = self._session, None
        if session is None:
            return
        time.sleep(FLUSH_SECONDS)
        self._link = None
        self._publishers.clear()
        self._declared.clear()
        disconnect: Callable[[], object] = session.close
        disconnect()
