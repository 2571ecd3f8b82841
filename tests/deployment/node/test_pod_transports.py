"""Agents in pods speak over each transport with systems under test outside the cluster, both ways."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from agent.protocol import Link
from robotsim_project.environment import BASE_DIR
from rosbag2.reading.reader import BagReader
from tests.deployment.node.faults import codes
from tests.deployment.node.machine import Machine, run
from tests.deployment.node.other_ends import (
    AGENTS,
    ANSWER,
    Heard,
    discovery_server,
    ros2_end,
    topics,
    zenoh_end,
)
from tests.deployment.node.pod_runs import NAMESPACE, PodRuns, Shown
from tests.support import ros2
from tests.support.new_bags import TOPIC
from tests.support.ports import free_port
from tests.support.world import until

STAGE = {"template": "spoken", "agent_count": AGENTS, "retries": 2}
"""Two units of two agents; one that finds nobody within its five seconds, on a busy machine, starts again."""
PASSWORD = "p4ss-never-shown"  # noqa: S105  of a router that the test starts
Connect = Callable[[Shown], None]


@pytest.fixture(scope="module", autouse=True)
def template(pods: PodRuns) -> None:
    """Record what is published and what is answered; begin when somebody listens."""
    values = {"record_topics": [TOPIC, ANSWER], "record_own": True}
    pods.drive("add_template", "spoken", values | {"required_subscribers": [TOPIC["name"]]})


@pytest.fixture(scope="module", autouse=True)
def policies(pods: PodRuns) -> Iterator[None]:
    """Let in from outside only what the network policies let in, which this CNI does not enforce."""
    machine = pods.cluster.node.machine
    documents = yaml.safe_load_all((BASE_DIR / "k8s/base/agents.yaml").read_text())
    rules = [
        rule
        for document in documents
        if document["kind"] == "NetworkPolicy"
        for rule in document["spec"].get("ingress", ())
    ]
    (allowed,) = (port for rule in rules for port in rule["ports"])
    assert allowed["protocol"] == "UDP"
    outside = ["-s", machine.host_address, "-d", machine.pod_network]
    new = [*outside, "-m", "conntrack", "--ctstate", "NEW"]
    ports = ["-p", "udp", "--dport", f"{allowed['port']}:{allowed['endPort']}"]
    with (
        rule_of(machine, "FORWARD", *new, "-j", "DROP"),
        rule_of(machine, "FORWARD", *new, *ports, "-j", "ACCEPT"),
    ):
        yield


@contextmanager
def rule_of(machine: Machine, chain: str, *words: str, table: str = "filter") -> Iterator[None]:
    """Put a rule before all others of the node's firewall."""
    machine.run("iptables", "-t", table, "-I", chain, *words)
    try:
        yield
    finally:
        machine.run("iptables", "-t", table, "-D", chain, *words)


@pytest.fixture
def connect(pods: PodRuns) -> Iterator[Connect]:
    """Let agents use a link in this test."""
    yield lambda link: pods.drive("connect", link)
    pods.drive("connect", {})


def assert_all_arrives(pods: PodRuns, name: str, heard: Heard, execution: int = 0) -> None:
    """Compare what was heard of an execution, and what was recorded, with the rosbag."""
    execution = execution or pods.drive("start", name, "sequential", [STAGE])
    result = pods.ended(execution)
    why = pods.drive("shown", execution)
    assert (result["status"], result["data"]) == ("COMPLETED", "COMPLETE"), why
    with BagReader(pods.world.folder / "light") as reader:
        sent = [hashlib.sha256(m).hexdigest() for batch in reader.batches() for *_, m in batch]
    until(lambda: sum(map(len, heard.values())) >= AGENTS * len(sent))
    assert heard == dict.fromkeys(topics(name), sent)
    recorded: Counter[str] = Counter()
    for recording in result["recordings"]:
        recorded.update(recording["messages"])
    assert {recorded[topic] for topic in topics(name)} == {len(sent)}
    assert all(recorded[topic] for topic in topics(name, ANSWER)), recorded
    assert result["left"] == []


@pytest.mark.parametrize("transport", ["zenoh-raw", "zenoh"])
def test_zenoh(pods: PodRuns, connect: Connect, transport: str, tmp_path: Path) -> None:
    name = transport.replace("-", "_")
    link = {"transport": transport, "endpoint": free_endpoint(pods)}
    with zenoh_end(Link(**link), name, tmp_path) as heard:
        assert pods.drive("test_link", link)["code"] == "REACHED"
        connect(link)
        assert_all_arrives(pods, name, heard)


def free_endpoint(pods: PodRuns) -> str:
    return f"tcp/{pods.cluster.node.machine.host_address}:{free_port()}"


def test_ros2_by_static_peers(pods: PodRuns, connect: Connect) -> None:
    """The node knows no address of a pod beforehand."""
    with ros2.a_domain() as domain, ros2_end(domain, "peers") as heard:
        link = peer(pods, domain)
        until(lambda: pods.drive("test_link", link)["code"] == "PEER_FOUND")
        connect(link)
        assert_all_arrives(pods, "peers", heard)


def peer(pods: PodRuns, domain: int) -> Shown:
    addresses = [pods.cluster.node.machine.host_address]
    link = {"transport": "ros2", "discovery": "peers", "addresses": addresses}
    return link | {"domain_id": domain}


def test_ros2_by_a_discovery_server(pods: PodRuns, connect: Connect) -> None:
    host = pods.cluster.node.machine.host_address
    with (
        ros2.a_domain() as domain,
        discovery_server(host) as address,
        ros2_end(domain, "server", ROS_DISCOVERY_SERVER=address) as heard,
    ):
        link = {"transport": "ros2", "discovery": "server", "addresses": [address]}
        connect(link | {"domain_id": domain})
        assert_all_arrives(pods, "server", heard)


def test_ros2_needs_a_route_to_pods(pods: PodRuns, connect: Connect) -> None:
    """Behind address translation nothing is found without one, and everything arrives with one."""
    machine = pods.cluster.node.machine
    translate = ["-s", machine.pod_network, "-o", "eth0", "-j", "MASQUERADE"]
    route = [machine.pod_network, "via", machine.address]
    with (
        ros2.a_domain() as domain,
        ros2_end(domain, "routed") as heard,
        rule_of(machine, "POSTROUTING", *translate, table="nat"),
    ):
        link = peer(pods, domain)
        run(["ip", "route", "delete", *route])
        try:
            shown = pods.drive("test_link", link)
        finally:
            run(["ip", "route", "add", *route])
        assert shown["code"] == "NO_PEER"
        connect(link)
        assert_all_arrives(pods, "routed", heard)


def test_credentials_are_in_their_secret_alone(
    pods: PodRuns, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a router with a list of users; the Secret is made when units wait for it already."""
    credentials = write_credentials(tmp_path / "site-7")
    monkeypatch.setenv("MEC_SECRETS_DIR", str(tmp_path))
    link = {"transport": "zenoh", "endpoint": free_endpoint(pods), "secret": "site-7"}
    router = {
        "transport/auth/usrpwd/user": "router",
        "transport/auth/usrpwd/password": "another",
        "transport/auth/usrpwd/dictionary_file": str(credentials / "users"),
    }
    with zenoh_end(Link(**link), "secured", tmp_path, **router) as heard:
        connect(link)
        execution = pods.drive("start", "secured", "sequential", [STAGE])
        until(lambda: "SECRET_MISSING" in codes(pods.drive("shown", execution)))
        files = [f"--from-file={credentials / name}" for name in ("username", "password")]
        pods.cluster.kubectl("create", "secret", "generic", "site-7", "-n", NAMESPACE, *files)
        pods.running(execution, 2)
        shown = pods.cluster.kubectl("get", "jobs,pods,events", "-n", NAMESPACE, "-o", "json")
        assert PASSWORD not in shown.stdout
        assert_all_arrives(pods, "secured", heard, execution)
    pods.cluster.kubectl("delete", "secret", "site-7", "-n", NAMESPACE)
    assert pods.drive("is_stored", "site-7")
    assert not pods.drive("is_stored", PASSWORD)
    holding = ["grep", "--recursive", "--files-with-matches", "--fixed-strings"]
    assert run([*holding, "secured_1", pods.world.folder], check=False)
    assert run([*holding, PASSWORD, pods.world.folder], check=False) == ""


def write_credentials(folder: Path) -> Path:
    """Write those of the agents, and the router's list of users."""
    folder.mkdir()
    for name, text in {
        "username": "robot",
        "password": PASSWORD,
        "users": f"robot:{PASSWORD}\n",
    }.items():
        (folder / name).write_text(text)
    return folder
