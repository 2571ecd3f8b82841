"""A Zenoh router that can be killed, frozen and cut off, and a listener that counts what arrives."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from typing import Any

import zenoh

from tests.support.ports import free_port

NODE = """
import json, signal, sys, zenoh
config = zenoh.Config()
for path, value in json.loads(sys.argv[1]).items():
    config.insert_json5(path, json.dumps(value))
session = zenoh.open(config)
print("open", flush=True)
signal.pause()
"""
LOOPBACK = "127.0.0.1"
CHUNK = 65536
LEASE_MS = 10_000
"""Zenoh's default: time after which a silent router counts as gone."""


def settings(mode: str, **more: Any) -> dict[str, Any]:
    """Return the configuration of a node that finds no others by itself."""
    return {"mode": mode, "scouting/multicast/enabled": False, **more}


def open_session(values: dict[str, Any]) -> zenoh.Session:
    """Open a session in this process."""
    config = zenoh.Config()
    for path, value in values.items():
        config.insert_json5(path, json.dumps(value))
    return zenoh.open(config)


def close_session(session: zenoh.Session) -> None:
    """Close a session."""
    disconnect: Any = session.close  # without types in zenoh
    disconnect()


class Node:
    """A Zenoh node in a process of its own."""

    def __init__(self, values: dict[str, Any]) -> None:
        words = [sys.executable, "-c", NODE, json.dumps(values)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        with self.process.stdout as output:
            assert output.readline() == "open\n"

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.process.kill()
        self.process.wait()


class Proxy:
    """A TCP proxy that can stop to forward, as a network that drops all packets does."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._forwarding = threading.Event()
        self._forwarding.set()
        self._server = socket.create_server((LOOPBACK, 0))
        self.port: int = self._server.getsockname()[1]
        self._run(self._accept)

    def cut(self) -> None:
        """Forward nothing more, and close nothing."""
        self._forwarding.clear()

    def restore(self) -> None:
        """Forward again, also what has been waiting."""
        self._forwarding.set()

    def close(self) -> None:
        """Accept no more connections."""
        self._server.close()
        self._forwarding.set()

    def _run(self, function: Any, *arguments: Any) -> None:
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            self._run(self._connect, near)

    def _connect(self, near: socket.socket) -> None:
        self._forwarding.wait()
        try:
            far = socket.create_connection((LOOPBACK, self._target))
        except OSError:
            near.close()
            return
        self._run(self._forward, near, far)
        self._run(self._forward, far, near)

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while True:
                self._forwarding.wait()
                data = source.recv(CHUNK)
                # Cut while it waited: held back like the rest.
                self._forwarding.wait()
                if not data:
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            end.close()


class Router:
    """A router in a process of its own; `endpoint` leads to it through a proxy."""

    def __init__(self, lease_ms: int = LEASE_MS) -> None:
        self.port = free_port()
        self._lease_ms = lease_ms
        self.start()
        self.proxy = Proxy(self.port)
        self.endpoint = f"tcp/{LOOPBACK}:{self.proxy.port}"

    def start(self) -> None:
        """Start it, on the same port again."""
        more = {"listen/endpoints": [f"tcp/{LOOPBACK}:{self.port}"]}
        lease = {"transport/link/tx/lease": self._lease_ms}
        self.node = Node(settings("router", **more, **lease))

    def interrupt(self, outage: str) -> None:
        """Begin an outage: `killed`, `frozen` or `cut off`."""
        if outage == "killed":
            self.node.kill()
        elif outage == "frozen":
            self.node.process.send_signal(signal.SIGSTOP)
        else:
            self.proxy.cut()

    def resume(self, outage: str) -> None:
        """End an outage."""
        if outage == "killed":
            self.start()
        elif outage == "frozen":
            self.node.process.send_signal(signal.SIGCONT)
        else:
            self.proxy.restore()

    def close(self) -> None:
        """End the router and its proxy."""
        self.proxy.close()
        self.node.kill()


class Listener:
    """A client of a router, past its proxy, that keeps the payloads of a key once each."""

    def __init__(self, router: Router, key: str) -> None:
        self.received: set[bytes] = set()
        endpoints = {"connect/endpoints": [f"tcp/{LOOPBACK}:{router.port}"]}
        self._session = open_session(settings("client", **endpoints))
        self._session.declare_subscriber(key, self._receive)

    def _receive(self, sample: zenoh.Sample) -> None:
        self.received.add(sample.payload.to_bytes())

    def close(self) -> None:
        """Disconnect."""
        close_session(self._session)


class CountingRouter:
    """A router in this process that counts messages by agent, the first chunk of their keys."""

    def __init__(self) -> None:
        self.endpoint = f"tcp/{LOOPBACK}:{free_port()}"
        self._counts: Counter[str] = Counter()
        self._session = open_session(settings("router", **{"listen/endpoints": [self.endpoint]}))
        handler = zenoh.handlers.Callback(self._count, indirect=False)
        self._subscriber = self._session.declare_subscriber("**", handler)

    def _count(self, sample: zenoh.Sample) -> None:
        self._counts[str(sample.key_expr).partition("/")[0]] += 1

    def counts(self, prefix: str) -> dict[str, int]:
        """Return the number of messages of each agent whose namespace has a prefix."""
        counts = {f"/{agent}": number for agent, number in self._counts.copy().items()}
        return {agent: number for agent, number in counts.items() if agent.startswith(prefix)}

    def close(self) -> None:
        """End the router."""
        close_session(self._session)
