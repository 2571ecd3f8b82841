"""One bare pod for each agent, created one by one and polled each over HTTP every second."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import httpx

PORT = 8000
TIMEOUT = 2.0
POLL_SECONDS = 1.0
PROGRAM = f"""
import http.server, json
import agent.main, agent.replay, agent.session

class Status(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({{"status": "running"}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

http.server.ThreadingHTTPServer(("", {PORT}), Status).serve_forever()
"""
"""Holds what a unit's program holds, once for one agent, and answers."""


class BarePods:
    """The pods of so many agents, and what keeps them."""

    def __init__(self, api: httpx.Client, namespace: str, image: str) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/pods"
        self._image = image
        self._addresses: dict[str, str] = {}
        self._answering: set[str] = set()
        self._polls = httpx.Client(timeout=TIMEOUT)

    def create(self, count: int) -> None:
        """Create them one after the other."""
        for number in range(1, count + 1):
            answer = self._api.post(self._path, json=self._manifest(f"agent-{number}"))
            answer.raise_for_status()
            self._addresses[f"agent-{number}"] = ""

    def poll_until(self, condition: Callable[[], bool], limit: float) -> None:
        """Poll all of them each second until something is true; fail after so many seconds."""
        end = time.monotonic() + limit
        while (began := time.monotonic()) < end:
            for name in self._addresses:
                self._poll(name)
            if condition():
                return
            time.sleep(max(0.0, POLL_SECONDS - (time.monotonic() - began)))
        raise RuntimeError(f"these do not answer: {', '.join(self._silent)}")

    @property
    def all_answer(self) -> bool:
        return not self._silent

    @property
    def _silent(self) -> list[str]:
        return [name for name in self._addresses if name not in self._answering]

    def delete(self) -> None:
        """Delete them one after the other, at once."""
        for name in self._addresses:
            self._api.delete(f"{self._path}/{name}", params={"gracePeriodSeconds": 0})

    def _poll(self, name: str) -> None:
        if not self._addresses[name]:
            # Nobody can be asked for its status before the cluster has said where it is.
            status: dict[str, Any] = self._api.get(f"{self._path}/{name}").json()["status"]
            self._addresses[name] = status.get("podIP", "")
        if address := self._addresses[name]:
            with contextlib.suppress(httpx.TransportError):
                if self._polls.get(f"http://{address}:{PORT}/status").is_success:
                    self._answering.add(name)

    def _manifest(self, name: str) -> dict[str, Any]:
        container = {
            "name": "agent",
            "image": self._image,
            "imagePullPolicy": "Never",
            "command": ["python3", "-c", PROGRAM],
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"containers": [container]},
        }
