"""Sessions with the Zenoh network of a system under test: their configuration, and how they are opened."""

import json
import time
from collections.abc import Mapping

import zenoh

from agent.protocol import Link
from agent.transports.base import TransportError

CONNECT_MS = 5000
MAX_BLOCK_US = 30_000_000
"""Time that a publication may wait for a congested network before Zenoh closes the connection."""
PEER_POLL_SECONDS = 0.05


def settings(link: Link) -> Mapping[str, object]:
    """Return the Zenoh configuration for a link, by configuration path."""
    values: dict[str, object] = {
        "scouting/multicast/enabled": not link.endpoint and link.discovery == "multicast",
        "transport/link/tx/queue/congestion_control/block/wait_before_close": MAX_BLOCK_US,
        # Segments of shared memory outlive a killed process; messages here are small.
        "transport/shared_memory/enabled": False,
    }
    if link.endpoint:
        return values | {
            "mode": "client",
            "connect/endpoints": [link.endpoint],
            "connect/timeout_ms": CONNECT_MS,
            "connect/exit_on_failure": True,
        }
    # Zenoh's default listens on every interface; a unit must not be reachable from the network.
    return values | {"mode": "peer", "listen/endpoints": ["tcp/127.0.0.1:0"]}


def open_session(link: Link) -> zenoh.Session:
    """Connect to the endpoint, or look for peers.

    Raises:
        TransportError: There is no answer, or no peer, within five seconds.
    """
    config = zenoh.Config()
    try:
        for path, value in settings(link).items():
            config.insert_json5(path, json.dumps(value))
        session = zenoh.open(config)
    except zenoh.ZError as error:
        address = link.endpoint or "the local network"
        raise TransportError(
            f"Zenoh at {address} cannot be reached ({error}). "
            "Check that the router is running and that the endpoint of the MEC is correct."
        ) from error
    if not link.endpoint:
        _await_peer(session)
    return session


def _await_peer(session: zenoh.Session) -> None:
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
