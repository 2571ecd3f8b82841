"""A client of event streams, and servers for it."""

import http.client
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

from django.conf import settings

from accounts.models import User
from accounts.services.bearers import issue_access
from simulations.models import Event, Execution
from simulations.services.events import record_event

TIMEOUT = 30.0
"""Seconds; bounds hanging tests."""


class StreamEvent(NamedTuple):
    """One event of a stream; `kind` is `heartbeat` for a comment."""

    kind: str
    data: Any
    number: int | None


def path(execution: Execution) -> str:
    return f"/api/v1/executions/{execution.pk}/stream"


class Client:
    """Reads one stream."""

    def __init__(self, port: int, address: str, method: str = "GET", **headers: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self.connection.request(method, address, headers=headers)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    @property
    def problem(self) -> dict[str, Any]:
        return dict(json.loads(self.answer.read()))

    def __iter__(self) -> Iterator[StreamEvent]:
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
                yield StreamEvent(value, None, None)
            elif not line and kind:
                yield StreamEvent(kind, data, number)
                kind, data, number = "", None, None

    def until(self, enough: Callable[[StreamEvent], bool]) -> list[StreamEvent]:
        """Read up to the first event that satisfies a condition."""
        events, deadline = [], time.monotonic() + TIMEOUT
        for event in self:
            events.append(event)
            if enough(event):
                return events
            assert time.monotonic() < deadline, events
        raise AssertionError(f"the stream ended after {events}")

    def numbers_until(self, last: int) -> list[int]:
        events = self.until(lambda event: event.number == last)
        return [event.number for event in events if event.number is not None]

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


class Server:
    """The ASGI application in a process of its own."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.clients: list[Client] = []
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [sys.executable, "-m", "uvicorn", "robotsim_project.asgi:application"]
        command += ["--port", str(self.port), "--lifespan", "off", "--log-level", "warning"]
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def wait(self) -> None:
        deadline = time.monotonic() + 2 * TIMEOUT
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=TIMEOUT):
                    return
            except OSError:  # it does not listen yet, or takes its time with the first answer
                time.sleep(0.1)
        raise AssertionError("the server does not start")

    def end(self) -> str:
        """Terminate the process and return its log."""
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

    def close_streams(self) -> None:
        """Close all clients."""
        while self.clients:
            self.clients.pop().close()


def bearer(user: User, sign_in: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_access(user, sign_in)[0]}"}


def add_events(execution: Execution, times: int = 1) -> int:
    """Record events and return their total number."""
    for _ in range(times):
        record_event(execution.pk, "test.happened")
    return Event.objects.filter(execution=execution).count()


def end_servers(servers: list[Server]) -> None:
    """End servers; none may have logged a traceback."""
    logs = [server.end() for server in servers]
    assert not [log for log in logs if "Traceback" in log], logs
