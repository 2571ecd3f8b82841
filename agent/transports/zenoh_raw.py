"""Raw serialized messages over Zenoh: key `<namespace>/<topic>`, payload as recorded."""

import json
import time
from collections.abc import Callable, Mapping

import zenoh

from agent.protocol import Link
from agent.transports.base import Publish, Receive, TransportError

CONNECT_MS = 5000
BLOCK_US = 30_000_000
"""How long a publication may wait for a congested network before Zenoh closes the connection."""
FLUSH_SECONDS = 0.25


def key_of(namespace: str, topic: str) -> str:
    """The Zenoh key of an agent's topic: `/agent_7`, `/odom` -> `agent_7/odom`."""
    return f"{namespace.strip('/')}/{topic.lstrip('/')}".lstrip("/")


def settings_of(link: Link) -> Mapping[str, object]:
    """The Zenoh configuration for a link, by configuration path."""
    settings: dict[str, object] = {
        "scouting/multicast/enabled": not link.endpoint and link.discovery == "multicast",
        "transport/link/tx/queue/congestion_control/block/wait_before_close": BLOCK_US,
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
    # Zenoh's own default listens on every interface; a unit opens no door to the network unasked.
    return settings | {"mode": "peer", "listen/endpoints": ["tcp/127.0.0.1:0"]}


class ZenohRawTransport:
    """One Zenoh session for all agents of the unit."""

    errors: tuple[type[Exception], ...] = (zenoh.ZError,)

    def __init__(self) -> None:
        self._endpoint = ""
        self._session: zenoh.Session | None = None
        # Dropping a publisher or subscriber undeclares it.
        self._declared: list[object] = []

    def open(self, link: Link) -> None:
        """Connect to the endpoint, or look for peers. Raises TransportError after five seconds."""
        self._endpoint = link.endpoint
        config = zenoh.Config()
        try:
            for path, value in settings_of(link).items():
                config.insert_json5(path, json.dumps(value))
            self._session = zenoh.open(config)
        except zenoh.ZError as error:
            where = link.endpoint or "the local network"
            raise TransportError(
                f"Zenoh at {where} cannot be reached ({error}). "
                "Check that the router runs and that the endpoint of the MEC is right."
            ) from error

    def _opened(self) -> zenoh.Session:
        if self._session is None:
            raise TransportError("The Zenoh session is not open.")
        return self._session

    def publisher(self, namespace: str, topic: str) -> Publish:
        """Declare a publisher that blocks rather than drops. Raises TransportError."""
        key = key_of(namespace, topic)
        try:
            publisher = self._opened().declare_publisher(
                key, congestion_control=zenoh.CongestionControl.BLOCK
            )
        except zenoh.ZError as error:
            raise TransportError(f"Zenoh refuses to publish on {key}: {error}") from error
        self._declared.append(publisher)
        put: Publish = publisher.put
        return put

    def subscribe(self, namespace: str, topic: str, receive: Receive) -> None:
        """Hand over what other sessions publish on the topic. Raises TransportError."""

        def take(sample: zenoh.Sample) -> None:
            if sample.kind == zenoh.SampleKind.PUT:
                receive(sample.payload.to_bytes())

        key = key_of(namespace, topic)
        # Called on Zenoh's own receiving thread: a full recorder then holds up the sender, and no
        # unbounded queue grows in between.
        handler = zenoh.handlers.Callback(take, indirect=False)
        try:
            self._declared.append(
                self._opened().declare_subscriber(
                    key, handler, allowed_origin=zenoh.Locality.REMOTE
                )
            )
        except zenoh.ZError as error:
            raise TransportError(f"Zenoh refuses to subscribe to {key}: {error}") from error

    def connected(self) -> bool:
        """Whether the router of the endpoint is there; Zenoh itself connects again when it returns."""
        return not self._endpoint or bool(self._opened().info.routers_zid())

    def close(self) -> None:
        """Let the last batch leave, then close the session."""
        session, self._session = self._session, None
        if session is None:
            return
        time.sleep(FLUSH_SECONDS)
        self._declared.clear()
        disconnect: Callable[[], object] = session.close
        disconnect()
