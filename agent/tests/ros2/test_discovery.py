"""Two network namespaces without multicast: static peers, and a discovery server."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.tests.conftest import ROOT, until
from agent.tests.ros2.conftest import played, subscription
from tests.support.ros2 import Listener
from tests.support.ros2_sender import MESSAGES

SERVER_PORT = 11811
NAMES = ("/odom", "/thing")
UDP = {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}
SERVER = str(Path(sys.executable).with_name("fast-discovery-server"))

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)


class Networks:
    """Two namespaces with a link between them; `ours` and `theirs` are their addresses."""

    ours, theirs = "10.77.0.1", "10.77.0.2"

    def __init__(self) -> None:
        mark = uuid.uuid4().hex[:6]
        self.names = (f"rs{mark}a", f"rs{mark}b")
        (near, far), interfaces = self.names, (f"rv{mark}a", f"rv{mark}b")
        ip(f"netns add {near}")
        ip(f"netns add {far}")
        ip(f"link add {interfaces[0]} netns {near} type veth peer name {interfaces[1]} netns {far}")
        addresses = (self.ours, self.theirs)
        for name, interface, address in zip(self.names, interfaces, addresses, strict=True):
            ip(f"-n {name} addr add {address}/24 dev {interface}")
            ip(f"-n {name} link set lo up")
            ip(f"-n {name} link set {interface} multicast off up")
        # A node uses the interfaces that are up when it starts.
        for name, interface in zip(self.names, interfaces, strict=True):
            until(lambda n=name, i=interface: "state UP" in self.state(n, i))

    def state(self, name: str, interface: str) -> str:
        words = ["ip", "-n", name, "-o", "link", "show", interface]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def inside(self, name: str) -> list[str]:
        return ["ip", "netns", "exec", name]

    def close(self) -> None:
        for name in self.names:
            ip(f"netns del {name}")


@pytest.fixture
def networks() -> Iterator[Networks]:
    networks = Networks()
    yield networks
    networks.close()


@contextmanager
def discovery_server(networks: Networks) -> Iterator[None]:
    """The one of the wheel, in the namespace of the agents."""
    words = [SERVER, "-i", "0", "-l", networks.ours, "-p", str(SERVER_PORT)]
    inside = networks.inside(networks.names[0])
    # A killed server leaves shared memory, which others would take for theirs.
    environment = os.environ | UDP
    server = subprocess.Popen([*inside, *words], stdout=subprocess.PIPE, text=True, env=environment)
    assert server.stdout
    with server.stdout as output:
        assert "Server is running" in output.readline()
        try:
            yield
        finally:
            server.kill()
            server.wait()


def send(networks: Networks, link: dict[str, Any]) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "tests.support.ros2_sender", json.dumps(link)]
    topics = [json.dumps(topic) for topic in played(*NAMES)]
    inside = networks.inside(networks.names[0])
    return subprocess.Popen([*inside, *program, *topics], cwd=ROOT)


def listen(networks: Networks, domain: int, **environment: str) -> Listener:
    topics = [subscription(name, 1) for name in NAMES]
    inside = networks.inside(networks.names[1])
    return Listener(domain, topics, environment=UDP | environment, within=inside)


def assert_delivered(listener: Listener, sender: subprocess.Popen[bytes]) -> None:
    try:
        assert sender.wait(60) == 0
        counts = {f"/agent_1{name}": MESSAGES for name in NAMES}
        until(lambda: {k: len(v) for k, v in listener.received.items()} == counts)
    finally:
        listener.close()
        sender.kill()
        sender.wait()


def test_static_peers(networks: Networks, domain: int) -> None:
    """The listener names nobody: it answers those who make themselves known."""
    link = {"transport": "ros2", "domain_id": domain, "discovery": "peers"}
    listener = listen(networks, domain)
    assert_delivered(listener, send(networks, link | {"addresses": [networks.theirs]}))


def test_discovery_server(networks: Networks, domain: int) -> None:
    address = f"{networks.ours}:{SERVER_PORT}"
    link = {"transport": "ros2", "domain_id": domain, "discovery": "server"}
    with discovery_server(networks):
        listener = listen(networks, domain, ROS_DISCOVERY_SERVER=address)
        assert_delivered(listener, send(networks, link | {"addresses": [address]}))
