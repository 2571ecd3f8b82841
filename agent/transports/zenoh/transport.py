"""Base of the transports over Zenoh: one session for all agents of the unit, and its link."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zenoh
from zenoh.ext import (
    AdvancedPublisher,
    CacheConfig,
    HistoryConfig,
    MissDetectionConfig,
    declare_advanced_publisher,
    declare_advanced_subscriber,
)

from agent.protocol import Link, Qos
from agent.transports.base import Knowledge, LinkCheck, Receive, TransportError
from agent.transports.zenoh.link import ZenohLink
from agent.transports.zenoh.session import has_router, open_session
from agent.transports.zenoh.wire import DEFAULT_DEPTH

FLUSH_SECONDS = 0.25
HEARTBEAT_SECONDS = 0.5
"""As rmw_zenoh does: after that time a subscriber is told of the last message, in case it missed it."""
DEFAULT_QOS = Qos()
RELIABILITY = {
    "reliable": zenoh.Reliability.RELIABLE,
    "best_effort": zenoh.Reliability.BEST_EFFORT,
}
MAX_CACHED = 10_000
"""Messages that are kept for later subscribers with `keep_all`."""

Publisher = zenoh.Publisher | AdvancedPublisher


def cached(qos: Qos) -> int:
    """Return the number of messages that are kept for subscribers that come later."""
    return MAX_CACHED if qos.history == "keep_all" else qos.depth or DEFAULT_DEPTH


class ZenohTransport:
    """One Zenoh session for all agents of the unit."""

    errors: tuple[type[Exception], ...] = (zenoh.ZError,)
    peers: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._session: zenoh.Session | None = None
        self._link: ZenohLink | None = None
        # Dropping what was declared undeclares it.
        self._publishers: dict[str, zenoh.Publisher] = {}
        self._declared: list[object] = []

    def open(self, link: Link, folder: Path) -> None:
        """Connect to the endpoint, or look for peers. Raises TransportError after five seconds."""
        self._session = session = open_session(link)
        router = link.endpoint if has_router(link) else ""
        self._link = ZenohLink(session, router, self._publishers.values())

    def _require_session(self) -> zenoh.Session:
        if self._session is None:
            raise TransportError("The Zenoh session is not open.")
        return self._session

    def _require_link(self) -> ZenohLink:
        if self._link is None:
            raise TransportError("The Zenoh session is not open.")
        return self._link

    def _publish_on(self, key: str, qos: Qos = DEFAULT_QOS) -> Publisher:
        """Declare a publisher. Raises TransportError.

        It blocks instead of dropping messages, also where rmw_zenoh would drop them, which it does unless
        history is `keep_all`: what is dropped within this process no check of the link would ever show, while
        a message that waits is late, and counted as such.
        """
        options: dict[str, Any] = {
            "congestion_control": zenoh.CongestionControl.BLOCK,
            "reliability": RELIABILITY[qos.reliability],
            # Own subscriptions do not count as somebody who listens.
            "allowed_destination": zenoh.Locality.REMOTE,
        }
        try:
            publisher = self._require_session().declare_publisher(key, **options)
            self._publishers[key] = publisher
            if qos.durability == "transient_local":
                return self._publish_cached(key, qos, options)
        except zenoh.ZError as error:
            raise TransportError(f"Zenoh refuses to publish on {key}: {error}") from error
        return publisher

    def _publish_cached(self, key: str, qos: Qos, options: dict[str, Any]) -> Publisher:
        """Declare a publisher that keeps its last messages for subscribers that come later.

        The one that was declared before only says whether anybody subscribes, which this one does not.
        """
        reliable = qos.reliability == "reliable"
        heartbeat = MissDetectionConfig(heartbeat=None, sporadic_heartbeat=HEARTBEAT_SECONDS)
        publisher = declare_advanced_publisher(
            self._require_session(),
            key,
            cache=CacheConfig(max_samples=cached(qos)),
            sample_miss_detection=heartbeat if reliable else None,
            publisher_detection=True,
            **options,
        )
        self._declared.append(publisher)
        return publisher

    def _subscribe_to(self, key: str, receive: Receive, qos: Qos = DEFAULT_QOS) -> None:
        """Call `receive` for messages of other sessions. Raises TransportError."""

        def receive_sample(sample: zenoh.Sample) -> None:
            if sample.kind == zenoh.SampleKind.PUT:
                receive(sample.payload.to_bytes())

        # Called in Zenoh's receiving thread: a full recorder then blocks the sender, and no
        # unbounded queue grows in between.
        handler: Any = zenoh.handlers.Callback(receive_sample, indirect=False)
        session, remote = self._require_session(), zenoh.Locality.REMOTE
        try:
            if qos.durability == "transient_local":
                history = HistoryConfig(detect_late_publishers=True, max_samples=cached(qos))
                subscriber: object = declare_advanced_subscriber(
                    session, key, handler, allowed_origin=remote, history=history
                )
            else:
                subscriber = session.declare_subscriber(key, handler, allowed_origin=remote)
        except zenoh.ZError as error:
            raise TransportError(f"Zenoh refuses to subscribe to {key}: {error}") from error
        self._declared.append(subscriber)

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
