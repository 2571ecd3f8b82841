"""Transport of serialized messages over Zenoh: key `<namespace>/<topic>`, payload as recorded."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import zenoh

from agent.protocol import Link, PlayedTopic, RecordTopic
from agent.topic_names import carries, full_name
from agent.transports.base import Knowledge, LinkCheck, Publish, Receive, TransportError
from agent.transports.zenoh_link import ZenohLink, has_subscribers

CONNECT_MS = 5000
MAX_BLOCK_US = 30_000_000
"""Time that a publication may wait for a congested network before Zenoh closes the connection."""
FLUSH_SECONDS = 0.25
PEER_POLL_SECONDS = 0.05


def key_expression(namespace: str, topic: str) -> str:
    """Return the Zenoh key of an agent's topic: `/agent_7`, `/odom` -> `agent_7/odom`.

    Raises:
        TransportError: The topic would be no key, or a wildcard.
    """
    if not carries("zenoh-raw", topic):
        raise TransportError(f"Zenoh has no key for topic {topic}: take it out of the template.")
    return full_name(namespace, topic).lstrip("/")


def zenoh_settings(link: Link) -> Mapping[str, object]:
    """Return the Zenoh configuration for a link, by configuration path."""
    settings: dict[str, object] = {
        "scouting/multicast/enabled": not link.endpoint and link.discovery == "multicast",
        "transport/link/tx/queue/congestion_control/block/wait_before_close": MAX_BLOCK_US,
        # Segments of shared memory outlive a killed process; messages here are small.
        "transport/shared_memory/enabled": False,
    }
    if link.endpoint:
        return settings | {
            "mode": "client",
            "connect/endpoints": [link.endpoint],
            "connect/timeout_ms": CONNECT_MS,
            "connect/exit_on_failure": True,
        }
    # Zenoh's default listens on every interface; a unit must not be reachable from the network.
    return settings | {"mode": "peer", "listen/endpoints": ["tcp/127.0.0.1:0"]}


def await_peer(session: zenoh.Session) -> None:
    """Wait for the first peer; without any, publications reach nobody.

    Raises:
        TransportError: There is none within five seconds.
    """
    deadline = time.monotonic() + CONNECT_MS / 1000
    while not session.info.links():
        if time.monotonic() > deadline:
            raise TransportError(
                "No Zenoh peer was found on the local network. "
                "Check that one is running and can be discovered, or give the MEC an endpoint."
            )
        time.sleep(PEER_POLL_SECONDS)


class ZenohRawTransport:
    """One Zenoh session for all agents of the unit."""

    errors: tuple[type[Exception], ...] = (zenoh.ZError,)

    def __init__(self) -> None:
        self._session: zenoh.Session | None = None
        self._link: ZenohLink | None = None
        # Dropping a publisher or subscriber undeclares it.
        self._publishers: dict[str, zenoh.Publisher] = {}
        self._subscribers: list[object] = []

    def open(self, link: Link, folder: Path) -> None:
        """Connect to the endpoint, or look for peers. Raises TransportError after five seconds."""
        config = zenoh.Config()
        try:
            for path, value in zenoh_settings(link).items():
                config.insert_json5(path, json.dumps(value))
            self._session = zenoh.open(config)
        except zenoh.ZError as error:
            address = link.endpoint or "the local network"
            raise TransportError(
                f"Zenoh at {address} cannot be reached ({error}). "
                "Check that the router is running and that the endpoint of the MEC is correct."
            ) from error
        if not link.endpoint:
            await_peer(self._session)
        self._link = ZenohLink(self._session, link.endpoint, self._publishers.values())

    def _require_session(self) -> zenoh.Session:
        if self._session is None:
            raise TransportError("The Zenoh session is not open.")
        return self._session

    def _require_link(self) -> ZenohLink:
        if self._link is None:
            raise TransportError("The Zenoh session is not open.")
        return self._link

    def publisher(self, namespace: str, topic: PlayedTopic) -> Publish:
        """Declare a publisher that blocks instead of dropping messages. Raises TransportError."""
        key = key_expression(namespace, topic.published_name)
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

    def subscribers(self, namespace: str, topic: PlayedTopic) -> int | None:
        """1 when anybody subscribes, as Zenoh does not tell how many."""
        publisher = self._publishers[key_expression(namespace, topic.published_name)]
        return int(has_subscribers(publisher))

    def subscribe(self, namespace: str, topic: RecordTopic, receive: Receive) -> None:
        """Call `receive` for messages of other sessions on the topic. Raises TransportError."""

        def receive_sample(sample: zenoh.Sample) -> None:
            if sample.kind == zenoh.SampleKind.PUT:
                receive(sample.payload.to_bytes())

        key = key_expression(namespace, topic.name)
        # Called in Zenoh's receiving thread: a full recorder then blocks the sender, and no
        # unbounded queue grows in between.
        handler = zenoh.handlers.Callback(receive_sample, indirect=False)
        try:
            self._subscribers.append(
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
        self._subscribers.clear()
        disconnect: Callable[[], object] = session.close
        disconnect()
