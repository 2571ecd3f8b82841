"""Systems under test outside the cluster, on this machine, which answer each message of an agent.

Each has in `heard` the sha256 of the messages that arrived, by topic, in order.
"""

import hashlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rosbags.typesys import Stores, get_typestore

from agent.protocol import Link, PlayedTopic, RecordTopic
from agent.transports import create
from tests.support import ros2
from tests.support.new_bags import TOPIC
from tests.support.ports import free_port
from tests.support.zenoh import Node, settings

AGENTS = 4
ANSWER = {"name": "/answer", "type": TOPIC["type"]}
Heard = dict[str, list[str]]
_HASH = get_typestore(Stores.ROS2_JAZZY).hash_rihs01(TOPIC["type"])
_DISCOVERY_SERVER = str(Path(sys.executable).with_name("fast-discovery-server"))


def topics(name: str, topic: dict[str, str] = TOPIC) -> list[str]:
    """Return the full names of a topic of the agents of an execution."""
    return [f"/{name}_{number}{topic['name']}" for number in range(1, AGENTS + 1)]


@contextmanager
def zenoh_end(link: Link, name: str, folder: Path, **router: Any) -> Iterator[Heard]:
    """A router, and an end of the same transport that is connected to it from here."""
    heard: Heard = defaultdict(list)
    node = Node(settings("router", **{"listen/endpoints": [link.endpoint]}, **router))
    transport = create(link)

    def speak_with(agent: str) -> None:
        answer = transport.publisher(
            agent, PlayedTopic(name=ANSWER["name"], type=ANSWER["type"], type_hash=_HASH)
        )

        def receive(data: bytes) -> None:
            heard[agent + TOPIC["name"]].append(hashlib.sha256(data).hexdigest())
            answer(data)

        topic = RecordTopic(name=TOPIC["name"], type=TOPIC["type"], type_hash=_HASH)
        transport.subscribe(agent, topic, receive)

    try:
        transport.open(link, folder)
        for number in range(1, AGENTS + 1):
            speak_with(f"/{name}_{number}")
        yield heard
    finally:
        transport.close()
        node.kill()


@contextmanager
def ros2_end(domain: int, name: str, **environment: str) -> Iterator[Heard]:
    """A plain ROS 2 node in a process of its own."""
    plain = {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}  # leaves nothing in /dev/shm when it is killed
    node = ros2.Listener(
        domain,
        [{"name": topic, "type": TOPIC["type"]} for topic in topics(name)],
        answers=[{"name": topic, "type": TOPIC["type"]} for topic in topics(name, ANSWER)],
        environment=plain | environment,
    )
    try:
        yield node.received
    finally:
        node.close()


@contextmanager
def discovery_server(host: str) -> Iterator[str]:
    """The discovery server of the wheel; its address."""
    port = free_port()
    words = [_DISCOVERY_SERVER, "-i", "0", "-l", host, "-p", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    with server.stdout as output:
        assert "Server is running" in output.readline()
        try:
            yield f"{host}:{port}"
        finally:
            server.kill()
            server.wait()
