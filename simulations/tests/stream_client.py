"""A client of streams for tests, and servers of their own for it."""

import http.client
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

from django.conf import settings

from accounts.models import User
from accounts.services.bearers import issue_access
from simulations.models import Execution

PATIENCE = 30.0
"""Bound against hanging, in seconds."""


class Heard(NamedTuple):
    """One event of a stream; `kind` is `heartbeat` for a comment."""

    kind: str
    data: Any
    number: int | None


def path(execution: Execution) -> str:
    return f"/api/v1/executions/{execution.pk}/stream"


class Client:
    """Reads one stream."""

    def __init__(self, port: int, address: str, method: str = "GET", **headers: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.connection.request(method, address, headers=headers)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    @property
    def problem(self) -> dict[str, Any]:
        return dict(json.loads(self.answer.read()))

    def __iter__(self) -> Iterator[Heard]:
        kind, data, number = "", None, None
        for raw in self.answer:
            line = raw.decode().rstrip("\n")
            word, _colon, value = line.partition(": ")
            if word == "event":
                kind = value
            elif word == "data":
                data = json.loads(value)
            elif word == "id":
                number = int(value)
            elif word == "" and value:
                yield Heard(value, None, None)
            elif not line and kind:
                yield Heard(kind, data, number)
                kind, data, number = "", None, None

    def until(self, enough: Callable[[Heard], bool]) -> list[Heard]:
        """All up to the first that is enough."""
        found, deadline = [], time.monotonic() + PATIENCE
        for heard in self:
            found.append(heard)
            if enough(heard):
                return found
            assert time.monotonic() < deadline, found
        raise AssertionError(f"the stream ended after {found}")

    def numbers_until(self, last: int) -> list[int]:
        found = self.until(lambda heard: heard.number == last)
        return [heard.number for heard in found if heard.number is not None]

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


class Server:
    """Our ASGI application as a process."""

    def __init__(self, environment: dict[str, str], *words: str) -> None:
        self.clients: list[Client] = []
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [sys.executable, "-m", "uvicorn", "robotsim_project.asgi:application"]
        command += ["--port", str(self.port), "--lifespan", "off", "--log-level", "warning"]
        self.process = subprocess.Popen(
            [*command, *words],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def wait(self) -> None:
        deadline = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5):
                    return
            except urllib.error.URLError:
                time.sleep(0.1)
        raise AssertionError("the server does not start")

    def end(self) -> str:
        """End it; the answer is what it logged."""
        self.process.terminate()
        try:
            return self.process.communicate(timeout=10)[0].decode()
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()[0].decode()

    def stream(self, execution_id: int, query: str = "", **headers: str) -> Client:
        address = f"/api/v1/executions/{execution_id}/stream{query}"
        self.clients.append(Client(self.port, address, **headers))
        return self.clients[-1]

    def hang_up(self) -> None:
        """Close all its streams."""
        while self.clients:
            self.clients.pop().close()


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_access(user)[0]}"}
