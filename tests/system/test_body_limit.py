"""Bodies on both real servers: who may send how much is known before a byte is kept; none is endless."""

import http.client
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.world import PATIENCE, Served, World, a_world, until

API = "/api/v1"
PIECE = 2**16
OFFERED = 64 * 2**20
TAKEN = 8 * 2**20
"""More than what lies in buffers of the kernel and the server, and much less than what is offered."""
DECLARED = f"Content-Length: {OFFERED}"
CHUNKED = "Transfer-Encoding: chunked"
FORM = "Content-Type: multipart/form-data; boundary=x"
FORM_START = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
UPLOAD = """
from accounts.models import User
from storage.choices import Origin
from storage.services.intake import uploads
file = uploads.NewFile("a.db3", 200_000, "0" * 64)
rosbag = uploads.begin("bag", [file], origin=Origin.RECORDED)
print(uploads.sign_part_urls(rosbag, audience="unit")[0].parts[0].url)
"""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_world() as world:
        storage = world.folder / "storage"
        scratch = world.folder / "scratch"
        scratch.mkdir(mode=0o700)
        world.environment |= {
            "MINIO_ENDPOINT": "",
            "STORAGE_DIR": str(storage),
            "TMPDIR": str(scratch),
            "BODY_SECONDS": "2",
        }
        world.redis.start()
        world.postgres.start()
        assert world.manage("migrate", "-v0").wait() == 0
        yield world


@pytest.fixture(scope="module", params=["web", "stream"])
def server(world: World, request: Any) -> Served:
    served: Served = getattr(world, request.param)()
    served.until_answers("/health/ready", 200)
    return served


def kept(server: Served) -> set[str]:
    """Temporary files that a process of the server has open, also those without a name."""
    group = os.getpgid(server.popen.pid)
    files: set[str] = set()
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if os.getpgid(int(folder.parent.name)) != group:
                continue
            links = [os.readlink(link) for link in folder.iterdir()]
        except OSError:
            continue  # it has just ended
        files |= {link for link in links if "/scratch/" in link}
    return files


class Offer:
    """A request that is sent until somebody says no."""

    def __init__(self, server: Served, line: str, *headers: str) -> None:
        self._server = server
        self.socket = socket.create_connection(server.place, PATIENCE)
        self._is_chunked = CHUNKED in headers
        head = "\r\n".join([f"{line} HTTP/1.1", f"Host: {server.place[0]}", *headers, "", ""])
        self.sent = 0
        self._kept_before = kept(server)
        self.kept: set[str] = set()
        self.socket.sendall(head.encode())

    def send(self, data: bytes) -> None:
        self.socket.sendall(b"%x\r\n%s\r\n" % (len(data), data) if self._is_chunked else data)
        self.sent += len(data)

    def send_all(self, start: bytes = b"") -> int:
        """Send until the server closes the connection or all is sent; return the status of its answer."""
        try:
            self.send(start or b"x")
            while self.sent < OFFERED:
                self.send(b"x" * PIECE)
                if self.sent // PIECE % 16 == 0:
                    self.kept |= kept(self._server) - self._kept_before
        except ConnectionError:
            pass
        return self.answer().status

    def answer(self) -> http.client.HTTPResponse:
        answer = http.client.HTTPResponse(self.socket)
        answer.begin()
        return answer

    def is_closed(self) -> bool:
        """Wait for the end of the connection."""
        try:
            while self.socket.recv(PIECE):
                pass
        except ConnectionError:
            pass
        return True


JUNK = "/storage/objects/junk"


@pytest.mark.parametrize("length", [DECLARED, CHUNKED])
@pytest.mark.parametrize(
    ("line", "headers"),
    [
        *((f"{method} {JUNK}", ()) for method in ("GET", "POST", "PUT", "DELETE", "BREW")),
        (f"POST {API}/rosbags", (FORM,)),
        (f"POST {API}/rosbags", (FORM, "Authorization: Bearer junk")),
        (f"POST {API}/auth/signin", ("Content-Type: application/json",)),
        (f"POST {API}/units/report", ("Authorization: Unit junk",)),
        (f"POST {API}/units/recording", ("Authorization: Unit junk",)),
        ("POST /admin/login/", (FORM,)),
        ("POST /admin/login/", (FORM, f"Cookie: csrftoken={32 * 'a'}")),
        ("POST /nothing", (FORM,)),
        ("GET /health/live", ()),
    ],
)
def test_strangers_send_little(
    server: Served, line: str, headers: tuple[str, ...], length: str
) -> None:
    offer = Offer(server, line, *headers, length)
    status = offer.send_all(FORM_START if FORM in headers else b"")
    assert 200 <= status < 500
    assert offer.sent < TAKEN
    assert offer.kept == set()
    assert offer.is_closed()


@pytest.mark.parametrize(
    ("path", "korean"),
    [
        (f"{API}/auth/signin", "요청이 너무 큽니다"),
        ("/admin/login/", "로그인하지 않은 요청"),
    ],
)
def test_refusals_are_in_the_language_of_the_sender(server: Served, path: str, korean: str) -> None:
    answer = httpx.post(
        f"{server.url}{path}",
        content=b"x" * 2 * PIECE,
        headers={"Accept-Language": "ko"},
        timeout=PATIENCE,
    )
    assert korean in answer.json()["detail"]


@pytest.fixture(scope="module")
def tokens(world: World) -> dict[str, str]:
    return {role: world.token(role) for role in ("viewer", "operator")}


def test_only_who_may_add_rosbags_sends_large_forms(server: Served, tokens: dict[str, str]) -> None:
    signed = f"Authorization: Bearer {tokens['viewer']}"
    offer = Offer(server, f"POST {API}/rosbags", FORM, signed, DECLARED)
    assert offer.send_all(FORM_START) == 403
    assert offer.sent < TAKEN
    answer = httpx.post(
        f"{server.url}{API}/rosbags",
        headers={"Authorization": f"Bearer {tokens['operator']}"},
        files={"files": ("a.db3", b"x" * 3 * 2**20)},
        timeout=PATIENCE,
    )
    assert answer.status_code == 202, answer.text


def test_what_is_no_form_is_smaller(server: Served, tokens: dict[str, str]) -> None:
    signed = f"Authorization: Bearer {tokens['operator']}"
    offer = Offer(server, f"PATCH {API}/me", "Content-Type: application/json", signed, DECLARED)
    assert offer.send_all() == 413
    assert offer.sent < TAKEN


def test_parts_have_the_size_that_was_planned(world: World, server: Served) -> None:
    url = world.python(UPLOAD)
    answer = httpx.put(f"{server.url}{url}", content=b"x" * 200_000, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    offer = Offer(server, f"PUT {url}", DECLARED)
    assert offer.send_all() == 400
    assert offer.sent < TAKEN


@pytest.mark.parametrize("length", ["Content-Length: 100", CHUNKED])
def test_a_slow_body_ends(server: Served, length: str) -> None:
    line = f"POST {API}/auth/signin"
    offer = Offer(server, line, "Content-Type: application/json", length)
    deadline = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            offer.send(b" ")
            offer.socket.settimeout(0.2)
            try:
                if offer.socket.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
    except ConnectionError:
        pass
    offer.socket.settimeout(PATIENCE)
    # Under gunicorn a body without declared length is no body.
    assert offer.answer().status in {408, 400}
    assert offer.is_closed()


def test_endless_heads_end(server: Served) -> None:
    """The head is held in memory; nobody has signed in before it is complete."""
    with socket.create_connection(server.place, PATIENCE) as endless:
        endless.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
        sent = 0
        try:
            while sent < OFFERED:
                endless.sendall(b"x" * PIECE)
                sent += PIECE
        except ConnectionError:
            pass
        assert sent < TAKEN
    assert server.answers("/health/live", 200)


def test_websockets_are_no_error(server: Served) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers = {**upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    answer = httpx.get(f"{server.url}/health/live", headers=headers, timeout=PATIENCE)
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["web", "stream"])
def test_slow_heads_end(world: World, kind: str) -> None:
    """With one thread: while a head comes no thread of the web server waits for it."""
    server: Served = getattr(world, kind)(WEB_WORKERS="1", WEB_THREADS="1")
    server.until_answers("/health/ready", 200)
    for start in (b"GET / HTT", b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTT"):
        with socket.create_connection(server.place, PATIENCE) as slow:
            slow.sendall(start)
            until(lambda: server.answers("/health/live", 200), lambda: server.words)
            while slow.recv(PIECE):
                pass
