"""The private Redis server: its socket, its durability, and the advice where none is installed."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import redis_server
from launcher.redis_server import RedisUnavailableError, redis_answers, redis_command
from launcher.supervisor import Supervisor


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, os.environ)
    yield supervisor
    supervisor.stop()


def start(supervisor: Supervisor, folder: Path) -> Path:
    sock = folder / "r.sock"
    supervisor.add("redis", redis_command(folder, sock, durable=True))
    deadline = time.monotonic() + 60
    while not redis_answers(sock):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return sock


def send(sock: Path, command: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(sock))
        connection.sendall(command.encode() + b"\r\n")
        return connection.recv(1000)


def test_state_survives_a_restart(supervisor: Supervisor, tmp_path: Path) -> None:
    sock = start(supervisor, tmp_path)
    assert send(sock, "SET key value") == b"+OK\r\n"
    supervisor.stop()
    assert not redis_answers(sock)
    sock = start(supervisor, tmp_path)
    assert send(sock, "GET key") == b"$5\r\nvalue\r\n"


def test_the_socket_is_private(supervisor: Supervisor, tmp_path: Path) -> None:
    sock = start(supervisor, tmp_path)
    assert sock.stat().st_mode & 0o777 == 0o700


def test_its_files_are_private(supervisor: Supervisor, tmp_path: Path) -> None:
    send(start(supervisor, tmp_path), "SET key value")
    files = [path for path in tmp_path.rglob("*.aof*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_missing_server_is_reported_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RedisUnavailableError, match="REDIS_URL"):
        redis_command(Path(), Path(), durable=True)
