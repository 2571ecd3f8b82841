"""Sessions with the Zenoh network of a system under test: their configuration, and how they are opened."""

import json
import time
from collections.abc import Mapping

import zenoh

from agent.protocol import Link
from agent.transports.base import TransportError
from agent.transports.zenoh.secrets import Secret, read_secret

CONNECT_MS = 5000
MAX_BLOCK_US = 30_000_000
"""Time that a publication may wait for a congested network before Zenoh closes the connection."""
PEER_POLL_SECONDS = 0.05


def settings(link: Link, secret: Secret | None = None) -> Mapping[str, object]:
    """Return the Zenoh configuration for a link, by configuration path."""
    values: dict[str, object] = {
        "scouting/multicast/enabled": not link.endpoint and link.discovery == "multicast",
        "transport/link/tx/queue/congestion_control/block/wait_before_close": MAX_BLOCK_US,
        # Segments of shared memory outlive a killed process; messages here are small.
        "transport/shared_memory/enabled": False,
    }
    if link.transport == "zenoh":
        values |= {"timestamping/enabled": dict.fromkeys(("router", "peer", "client"), True)}
    return values | _connection(link) | _security(secret or Secret())


def _connection(link: Link) -> dict[str, object]:
    """The mode, and whom to connect to."""
    values: dict[str, object] = {"mode": "client" if has_router(link) else "peer"}
    if link.endpoint:
        values |= {
            "connect/endpoints": [link.endpoint],
            "connect/timeout_ms": CONNECT_MS,
            "connect/exit_on_failure": True,
        }
    if values["mode"] == "peer":
        # Zenoh's default listens on every interface; a unit must not be reachable from the network.
        values |= {"listen/endpoints": ["tcp/127.0.0.1:0"]}
    return values


def has_router(link: Link) -> bool:
    """Check that a session is the client of what is at the endpoint, which forwards for it and answers."""
    return bool(link.endpoint) and link.zenoh_mode == "client"


def _security(secret: Secret) -> dict[str, object]:
    """Certificates, by their paths, and credentials."""
    tls, login = "transport/link/tls", "transport/auth/usrpwd"
    values = {
        f"{tls}/root_ca_certificate": secret.authority and str(secret.authority),
        f"{tls}/connect_certificate": secret.certificate and str(secret.certificate),
        f"{tls}/connect_private_key": secret.key and str(secret.key),
        f"{tls}/enable_mtls": secret.key is not None,
        f"{login}/user": secret.username,
        f"{login}/password": secret.password,
    }
    return {path: value for path, value in values.items() if value}


def open_session(link: Link) -> zenoh.Session:
    """Connect to the endpoint, or look for peers.

    Raises:
        TransportError: There is no answer, or no peer, within five seconds; or the secret cannot be read.
    """
    secret = read_secret(link.secret)
    config = zenoh.Config()
    try:
        for path, value in settings(link, secret).items():
            config.insert_json5(path, json.dumps(value))
        session = zenoh.open(config)
    except zenoh.ZError as error:
        address = link.endpoint or "the local network"
        accepted = " and accepts these certificates and credentials" if link.secret else ""
        raise TransportError(
            f"Zenoh at {address} cannot be reached ({error}). Check that the router is running{accepted}, "
            "and that the endpoint of the system under test is correct."
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
                "Check that one is running and can be discovered, or give the system under test an endpoint."
            )
        time.sleep(PEER_POLL_SECONDS)
