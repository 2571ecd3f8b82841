"""`python -m agent probe`: tests a link without a server, and answers one line of JSON.

The link is an argument, the variable ROBOTSIM_LINK, or is read from standard input, such as
`{"transport": "zenoh-raw", "endpoint": "tcp/host:7447"}`. The answer is a `ProbeResult`, and also the
termination message of a container; the exit code is 0 unless the system under test was not reached (1), or
the link cannot be read (2).
"""

import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import NoReturn

from msgspec import structs

from agent.protocol import Link, PlayedTopic, ProbeCode, ProbeResult, RecordTopic, decode, encode
from agent.termination import MAX_CHARACTERS, write_termination_message
from agent.transports import Transport, TransportError, create
from agent.transports.base import NotInstalledError

MAX_SECONDS = 8.0
"""A resolver of names, or a transport, may take longer; nothing waits for it."""
CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 2.0
PAUSE_SECONDS = 0.05
ROUND_TRIPS = 5
MAX_INPUT = 10_000
MAX_PORT = 65535
EXIT_REACHED, EXIT_NOT_REACHED, EXIT_BAD_INPUT = 0, 1, 2
STREAMS = ("tcp", "tls", "ws")
"""Protocols of endpoints that take connections of TCP."""
SECURED = ("tls/", "quic/")
# A chunk that begins with @ is matched by no wildcard of the system under test.
NAMESPACE = "/@robotsim/probe"

REACHABLE = {
    ProbeCode.NO_SYSTEM: None,
    ProbeCode.REACHED: True,
    ProbeCode.PEER_FOUND: True,
    ProbeCode.NOT_FORWARDED: True,
}
"""True if the system under test was reached; None: there is none."""
SENTENCES = {
    ProbeCode.REACHED: "The router answers, and test messages came back.",
    ProbeCode.PEER_FOUND: "Somebody was found: a Zenoh peer, or nodes of ROS 2.",
    ProbeCode.NO_SYSTEM: "This transport has no system under test: agents only count.",
    ProbeCode.NOT_FORWARDED: "The router accepts connections but no test message came back: "
    "check its access control.",
    ProbeCode.NAME_UNKNOWN: "The name of the host is not known: check its spelling and the DNS.",
    ProbeCode.HOST_UNREACHABLE: "The host does not answer: check its address, network and firewall.",
    ProbeCode.PORT_CLOSED: "Nothing listens on the port: check it, and that the router is running.",
    ProbeCode.NOT_ZENOH: "No Zenoh router answers there: check protocol and port, and that the router "
    "is running.",
    ProbeCode.NOT_ACCEPTED: "The port is open, but no connection with these certificates and credentials "
    "came about: check them, the protocol, and that the router is running.",
    ProbeCode.SECRET_INVALID: "The secret of the link cannot be read: see the detail.",
    ProbeCode.NO_PEER: "Nobody was found: check that the system under test is running, its discovery, "
    "and the domain of ROS 2; for Zenoh an endpoint needs no discovery.",
    ProbeCode.NOWHERE: "There is neither endpoint nor discovery: give one of them.",
    ProbeCode.NOT_INSTALLED: "ROS 2 is not installed where agents run: run "
    "`pip install -r requirements-ros2.txt` there, or choose the transport zenoh.",
    ProbeCode.NO_ANSWER_IN_TIME: "The test took too long: check network and DNS.",
    ProbeCode.LINK_INVALID: "The link cannot be read: check transport and endpoint.",
    ProbeCode.PROBE_FAILED: "The test failed: see the detail.",
}


def main(arguments: Sequence[str]) -> int:
    """Test the link and print the answer.

    Returns:
        Exit code.
    """
    link_text = arguments[0] if arguments else os.environ.get("ROBOTSIM_LINK")
    text = sys.stdin.read(MAX_INPUT) if link_text is None else link_text
    try:
        link = decode(text, Link)
    except ValueError as error:
        _write(_result(ProbeCode.LINK_INVALID, str(error)))
        return EXIT_BAD_INPUT
    result = probe_in_time(link)
    _write(result)
    return EXIT_NOT_REACHED if result.reachable is False else EXIT_REACHED


def _write(result: ProbeResult) -> None:
    sys.stdout.write(f"{encode(result).decode()}\n")
    sys.stdout.flush()
    write_termination_message(structs.replace(result, detail=result.detail[:MAX_CHARACTERS]))


def probe_in_time(link: Link, seconds: float = MAX_SECONDS) -> ProbeResult:
    """Test a link in a thread of its own, which is left behind if it takes too long."""
    _load(link)
    results: SimpleQueue[ProbeResult] = SimpleQueue()
    # Removed here, as a thread that is left behind cannot.
    work_dir = os.environ.get("ROBOTSIM_WORK_DIR")
    with TemporaryDirectory(ignore_cleanup_errors=True, dir=work_dir) as folder:
        test = partial(probe, link, Path(folder))
        threading.Thread(target=lambda: results.put(test()), daemon=True).start()
        try:
            return results.get(timeout=seconds)
        except Empty:
            return _result(ProbeCode.NO_ANSWER_IN_TIME)


def _load(link: Link) -> None:
    """Import the library of the transport, which takes seconds on a busy machine, and no time of the test."""
    with suppress(Exception):  # the test meets the same error, and tells it
        create(link)


def probe(link: Link, folder: Path) -> ProbeResult:
    """Connect as a unit would, and measure the way to the router and back.

    Args:
        link: The way to the system under test.
        folder: For the files of its transport.
    """
    if not link.leads_somewhere:
        return _result(ProbeCode.NOWHERE)
    if link.transport == "null":
        return _result(ProbeCode.NO_SYSTEM)
    try:
        if link.endpoint and (failure := _check_address(link.endpoint)):
            return failure
        return _probe_transport(link, folder)
    except TransportError as error:
        return _result(error.probe_code or _unreached(link), str(error.__cause__ or error))
    except Exception as error:  # noqa: BLE001  whatever a library raises is an answer
        return _result(ProbeCode.PROBE_FAILED, f"{type(error).__name__}: {error}")


def _unreached(link: Link) -> ProbeCode:
    """Meaning of a connection that did not come about."""
    if not link.endpoint:
        return ProbeCode.NO_PEER
    secured = link.secret or link.endpoint.startswith(SECURED)
    return ProbeCode.NOT_ACCEPTED if secured else ProbeCode.NOT_ZENOH


def _check_address(endpoint: str) -> ProbeResult | None:
    """Resolve the name and connect by TCP alone, which tells apart what a transport does not."""
    protocol, _slash, address = endpoint.partition("/")
    host, _colon, port = address.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
        return _result(ProbeCode.LINK_INVALID, endpoint)
    host = host.strip("[]")
    try:
        socket.getaddrinfo(host, int(port))
    except OSError as error:
        return _result(ProbeCode.NAME_UNKNOWN, str(error))
    return _connect(host, int(port)) if protocol in STREAMS else None


def _connect(host: str, port: int) -> ProbeResult | None:
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except ConnectionRefusedError as error:
        return _result(ProbeCode.PORT_CLOSED, str(error))
    except OSError as error:
        return _result(ProbeCode.HOST_UNREACHABLE, str(error))
    return None


def _probe_transport(link: Link, folder: Path) -> ProbeResult:
    # Its key space is that of zenoh-raw, which no ROS 2 node sees; and it is a client, as who is one is
    # served by peers too, by way of which messages come back.
    if link.transport == "zenoh":
        link = structs.replace(link, transport="zenoh-raw")
    link = structs.replace(link, zenoh_mode="client")
    # Not closed: that waits for pending messages, and the process ends now.
    try:
        sender = create(link)
    except NotInstalledError:
        raise
    except TransportError as error:
        return _result(ProbeCode.LINK_INVALID, str(error))
    sender.open(link, folder)
    if not link.endpoint:  # a second session would be found as a peer of the first
        return _result(ProbeCode.PEER_FOUND, ", ".join(sender.peers))
    receiver = create(link)
    receiver.open(link, folder)
    shortest = _shortest_round_trip(sender, receiver)
    return _result(ProbeCode.NOT_FORWARDED if shortest is None else ProbeCode.REACHED, "", shortest)


def _shortest_round_trip(sender: Transport, receiver: Transport) -> float | None:
    """Send messages to oneself by way of the router; None if none comes back."""
    times: SimpleQueue[float] = SimpleQueue()

    def receive(data: bytes) -> None:
        times.put((time.monotonic_ns() - int(data)) / 1e6)

    namespace = f"{NAMESPACE}/{uuid.uuid4().hex}"
    receiver.subscribe(namespace, RecordTopic(name="/ping", type=""), receive)
    publish = sender.publisher(namespace, PlayedTopic(name="/ping"))
    deadline = time.monotonic() + ANSWER_SECONDS
    measured: list[float] = []
    # The first ones may leave before the router has told of the subscription.
    while len(measured) < ROUND_TRIPS and time.monotonic() < deadline:
        publish(b"%d" % time.monotonic_ns())
        try:
            measured.append(times.get(timeout=PAUSE_SECONDS))
        except Empty:
            continue
    return round(min(measured), 3) if measured else None


def _result(code: ProbeCode, detail: str = "", round_trip_ms: float | None = None) -> ProbeResult:
    return ProbeResult(
        reachable=REACHABLE.get(code, False),
        code=code,
        text=SENTENCES[code],
        detail=detail,
        round_trip_ms=round_trip_ms,
    )


def leave(code: int) -> NoReturn:
    """End the process at once, whatever threads of a transport still wait for."""
    os._exit(code)
