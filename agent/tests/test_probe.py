"""`python -m agent probe` against real routers, ports and names; one line of JSON, and an exit code."""

import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from agent import probe
from agent.protocol import Link, ProbeCode, ProbeResult, decode
from agent.tests.conftest import ROOT
from agent.transports.null import NullTransport
from tests.support.ports import free_port
from tests.support.zenoh import Router

ZENOH = {"transport": "zenoh-raw"}


@pytest.fixture
def router() -> Iterator[Router]:
    router = Router()
    yield router
    router.close()


def run(*arguments: str, stdin: str = "") -> tuple[int, ProbeResult]:
    """Run the program; a second line, or anything else in its output, is no JSON."""
    process = subprocess.run(
        [sys.executable, "-m", "agent", "probe", *arguments],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return process.returncode, decode(process.stdout, ProbeResult)


def test_router_is_reached_and_the_round_trip_measured(router: Router) -> None:
    link = json.dumps({**ZENOH, "endpoint": router.endpoint})
    for code, result in (run(link), run(stdin=link)):
        assert (code, result.reachable, result.code) == (0, True, ProbeCode.REACHED)
        assert result.round_trip_ms is not None
        assert result.round_trip_ms > 0


def test_frozen_router_is_told_from_a_closed_port(router: Router) -> None:
    router.interrupt("frozen")
    code, result = run(json.dumps({**ZENOH, "endpoint": router.endpoint}))
    router.resume("frozen")
    assert (code, result.reachable, result.code) == (1, False, ProbeCode.NOT_ZENOH)
    assert ".rs" in result.detail
    port = free_port()
    code, result = run(json.dumps({**ZENOH, "endpoint": f"tcp/127.0.0.1:{port}"}))
    assert (code, result.reachable, result.code) == (1, False, ProbeCode.PORT_CLOSED)


def test_name_that_does_not_resolve() -> None:
    code, result = run(json.dumps({**ZENOH, "endpoint": "tcp/no-such-host.invalid:7447"}))
    assert (code, result.code) == (1, ProbeCode.NAME_UNKNOWN)
    assert "spelling" in result.text


@pytest.mark.parametrize(
    ("link", "code", "reachable"),
    [
        (Link(transport="null"), ProbeCode.NO_SYSTEM, None),
        (Link(transport="zenoh-raw"), ProbeCode.NOWHERE, False),
        (Link(transport="other"), ProbeCode.LINK_INVALID, False),
        (
            Link(transport="zenoh-raw", endpoint="tcp/127.0.0.1:99999"),
            ProbeCode.LINK_INVALID,
            False,
        ),
        (Link(transport="zenoh-raw", endpoint="nonsense"), ProbeCode.LINK_INVALID, False),
    ],
)
def test_links_that_need_no_network(
    link: Link, code: ProbeCode, reachable: bool | None, tmp_path: Path
) -> None:
    result = probe.probe(link, tmp_path)
    assert (result.code, result.reachable) == (code, reachable)
    assert result.text


@pytest.mark.parametrize("text", ["", "[]", "{", '{"transport": 1}'])
def test_unreadable_link_is_refused(text: str) -> None:
    code, result = run(stdin=text)
    assert (code, result.code) == (2, ProbeCode.LINK_INVALID)


def test_host_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def silent(*_address: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silent)
    result = probe.probe(Link(transport="zenoh-raw", endpoint="tcp/127.0.0.1:7447"), tmp_path)
    assert result.code == ProbeCode.HOST_UNREACHABLE


def test_slow_resolver_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_address: answered.wait(60))
    link = Link(transport="zenoh-raw", endpoint="udp/127.0.0.1:7447")
    assert probe.probe_in_time(link, 0.1).code == ProbeCode.NO_ANSWER_IN_TIME
    answered.set()


def test_a_slow_transport_leaves_no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened, answered = threading.Event(), threading.Event()

    class SlowTransport(NullTransport):
        def open(self, link: Link, folder: Path) -> None:
            (folder / "profile").touch()
            opened.set()
            answered.wait(60)

    class Impatient(SimpleQueue[ProbeResult]):
        """Gives up as soon as the transport has its file."""

        def get(self, block: bool = True, timeout: float | None = None) -> ProbeResult:
            assert opened.wait(60)
            raise Empty

    monkeypatch.setattr(probe, "SimpleQueue", Impatient)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(probe, "create", lambda _link: SlowTransport())
    monkeypatch.setattr(probe, "_check_address", lambda _endpoint: None)
    link = Link(transport="zenoh-raw", endpoint="udp/127.0.0.1:7447")
    assert probe.probe_in_time(link).code == ProbeCode.NO_ANSWER_IN_TIME
    answered.set()
    assert not list(tmp_path.iterdir())


def test_every_code_has_a_sentence() -> None:
    assert set(probe.SENTENCES) == set(ProbeCode)
