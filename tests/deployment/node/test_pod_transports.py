"""Agents in pods speak over each transport with a system under test outside the cluster, which answers."""

import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rosbags.typesys import Stores, get_typestore

from agent.protocol import Link, PlayedTopic, RecordTopic
from agent.transports import create
from rosbag2.reading.reader import BagReader
from tests.deployment.node.pod_runs import PodRuns, Shown
from tests.support import ros2
from tests.support.new_bags import TOPIC
from tests.support.s3 import free_ports
from tests.support.world import until
from tests.support.zenoh import Node, settings

AGENTS = 4
STAGE = {"template": "spoken", "agent_count": AGENTS}
"""Two units of two agents."""
ANSWER = "/answer"
HASH = get_typestore(Stores.ROS2_JAZZY).hash_rihs01(TOPIC["type"])
DISCOVERY_SERVER = str(Path(sys.executable).with_name("fast-discovery-server"))
Heard = Callable[[], dict[str, list[str]]]
"""The sha256 of the messages that arrived, by topic, in order."""


@pytest.fixture(scope="module", autouse=True)
def template(pods: PodRuns) -> None:
    """Record what is published and what is answered; begin when somebody listens."""
    answer = {"name": ANSWER, "type": TOPIC["type"]}
    values = {"record_topics": [TOPIC, answer], "record_own": True}
    pods.drive("add_template", "spoken", values | {"required_subscribers": [TOPIC["name"]]})


@pytest.fixture
def connect(pods: PodRuns) -> Iterator[Callable[[Shown], None]]:
    """Let agents use a link in this test."""
    yield lambda link: pods.drive("connect", link)
    pods.drive("connect", {})


def topics(name: str, topic: str = TOPIC["name"]) -> list[str]:
    return [f"/{name}_{number}{topic}" for number in range(1, AGENTS + 1)]


def assert_all_arrives(pods: PodRuns, name: str, heard: Heard) -> Shown:
    """Run an execution and compare what was heard with the rosbag; return how it ended."""
    execution = pods.drive("start", name, "sequential", [STAGE])
    result: Shown = pods.ended(execution)
    assert (result["status"], result["data"]) == ("COMPLETED", "COMPLETE"), pods.drive(
        "shown", execution
    )
    with BagReader(pods.world.folder / "light") as reader:
        sent = [hashlib.sha256(m).hexdigest() for batch in reader.batches() for *_, m in batch]
    wanted = dict.fromkeys(topics(name), sent)
    until(lambda: sum(map(len, heard().values())) >= AGENTS * len(sent))
    assert heard() == wanted
    recorded: Counter[str] = Counter()
    for recording in result["recordings"]:
        recorded.update(recording["messages"])
    assert {topic: recorded[topic] for topic in wanted} == dict.fromkeys(wanted, len(sent))
    assert all(recorded[topic] for topic in topics(name, ANSWER)), recorded
    assert result["left"] == []
    return result


class ZenohEnd:
    """A router outside the cluster, and a client of it that answers each message to its agent."""

    def __init__(self, link: Link, name: str, folder: Path) -> None:
        self.heard: dict[str, list[str]] = defaultdict(list)
        self._router = Node(settings("router", **{"listen/endpoints": [link.endpoint]}))
        self._transport = create(link)
        self._transport.open(link, folder)
        for number in range(1, AGENTS + 1):
            self._speak_with(f"/{name}_{number}")

    def _speak_with(self, agent: str) -> None:
        values = {"type": TOPIC["type"], "type_hash": HASH}
        answer = self._transport.publisher(agent, PlayedTopic(name=ANSWER, **values))
        heard = self.heard[agent + TOPIC["name"]]

        def receive(data: bytes) -> None:
            heard.append(hashlib.sha256(data).hexdigest())
            answer(data)

        self._transport.subscribe(agent, RecordTopic(name=TOPIC["name"], **values), receive)

    def close(self) -> None:
        self._transport.close()
        self._router.kill()


@pytest.mark.parametrize("transport", ["zenoh-raw", "zenoh"])
def test_zenoh(
    pods: PodRuns, connect: Callable[[Shown], None], transport: str, tmp_path: Path
) -> None:
    name = transport.replace("-", "_")
    endpoint = f"tcp/{pods.cluster.node.machine.host_address}:{free_ports(1)[0]}"
    link = {"transport": transport, "endpoint": endpoint}
    end = ZenohEnd(Link(**link), name, tmp_path)
    try:
        connect(link)
        assert_all_arrives(pods, name, lambda: end.heard)
    finally:
        end.close()


@contextmanager
def discovery_server(host: str) -> Iterator[str]:
    """The one of the wheel, outside the cluster; its address."""
    port = free_ports(1)[0]
    words = [DISCOVERY_SERVER, "-i", "0", "-l", host, "-p", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    with server.stdout as output:
        assert "Server is running" in output.readline()
        try:
            yield f"{host}:{port}"
        finally:
            server.kill()
            server.wait()


@contextmanager
def ros2_node(domain: int, name: str, **environment: str) -> Iterator[ros2.Listener]:
    """A plain node outside the cluster, which answers each message to each agent."""
    heard = [{"name": topic, "type": TOPIC["type"]} for topic in topics(name)]
    answers = [{"name": topic, "type": TOPIC["type"]} for topic in topics(name, ANSWER)]
    plain = {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}  # leaves nothing in /dev/shm when it is killed
    listener = ros2.Listener(domain, heard, answers=answers, environment=plain | environment)
    try:
        until(lambda: listener.publishers)
        yield listener
    finally:
        listener.close()


def test_ros2_by_static_peers(pods: PodRuns, connect: Callable[[Shown], None]) -> None:
    """The node knows no address of a pod beforehand."""
    link = {"transport": "ros2", "discovery": "peers"}
    host = pods.cluster.node.machine.host_address
    with ros2.a_domain() as domain, ros2_node(domain, "peers") as node:
        connect({**link, "addresses": [host], "domain_id": domain})
        assert_all_arrives(pods, "peers", lambda: node.received)


def test_ros2_by_a_discovery_server(pods: PodRuns, connect: Callable[[Shown], None]) -> None:
    link = {"transport": "ros2", "discovery": "server"}
    host = pods.cluster.node.machine.host_address
    with (
        ros2.a_domain() as domain,
        discovery_server(host) as address,
        ros2_node(domain, "server", ROS_DISCOVERY_SERVER=address) as node,
    ):
        connect({**link, "addresses": [address], "domain_id": domain})
        assert_all_arrives(pods, "server", lambda: node.received)
