"""Agents as units of one Job against one bare pod for each agent, polled: API calls, start, memory.

Both on the same real node, in one run, with the same image:

    .venv/bin/python -m benchmarks.bare_pods --agents 40 200 --per-unit 50 10

A bare pod is created by a call of its own, after the one before it; the kubelet restarts it. Its address is
asked of the API once a second until it has one, and then its status over HTTP once a second, all of them by
one loop. It imports the program of a unit and answers `/status`: it plays nothing, records nothing, has no
connection to a server or a system under test, and is not privileged, so that a real one would need more. Our
agents play all the time, without recordings, over the transport `null`.

Seconds are from the request (ours) or the first call (theirs) until the last container runs, in whole
seconds of the kubelet, rounded down, and until the last agent says that it is ready. Calls are those of our
controller and of what keeps the bare pods, as the API server audits them; ours include its watches, which it
opens anew every 30 s for all executions together. Memory is the PSS of the pods' processes for each agent,
and that of containerd's shims, of which each pod has one.

It needs what `make test-node` needs: root, Debian's packages, and the images.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
os.environ.setdefault("ENVIRONMENT", "test")

import httpx

from benchmarks import _options
from benchmarks._audited import CONTROLLER, Audited
from benchmarks._bare_pods import BarePods
from benchmarks._pod_memory import Memory, memory_of
from tests.deployment.node import images
from tests.deployment.node.needs import missing
from tests.deployment.node.pod_runs import NAMESPACE, PodRuns, make_namespace, pod_runs
from tests.deployment.node.real_cluster import RealCluster
from tests.support.world import until

BARE = "bare-pods"
MAX_PODS = 250
LIMIT = 1800.0
READY = "benchmarks._pod_figures.seconds_to_ready"
MIB = 2**20


class AuditedNode(Audited, RealCluster):
    """A real node with an audit of the calls."""


class Figures(NamedTuple):
    """Of so many agents, one way."""

    pods: int
    running: float
    ready: float
    starting: Counter[str]
    """Calls until all were ready."""
    calls: Counter[str]
    """Calls until all were removed."""
    reports: int
    """Requests each second while all play: heartbeats, or polls."""
    memory: Memory


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, nargs="+", default=[40, 200])
    parser.add_argument("--per-unit", type=int, nargs="+", default=[50, 10])
    parser.add_argument("--rest", type=float, default=10.0, help="seconds before memory is read")
    options = _options.parse(parser, agents=[3], per_unit=[2], rest=1.0)
    if reason := missing():
        sys.stderr.write(f"No node runs here: {reason}\n")
        return 2
    with a_cluster() as cluster:
        settings = {
            "KUBECONFIG": str(cluster.account_kubeconfig(CONTROLLER)),
            "STRAGGLER_LIMIT_SECONDS": str(LIMIT),
        }
        with pod_runs(cluster, **settings) as pods:
            print(f"API calls of a controller that waits: {dict(cluster.calls())}")
            for agents in options.agents:
                print(f"{agents} agents")
                for per_unit in options.per_unit:
                    job = Job(cluster, pods, agents, per_unit).run(options.rest)
                    print_figures(f"Job, {per_unit} in a unit", agents, job)
                print_figures("a bare pod each", agents, theirs(cluster, agents, options.rest))
    return 0


@contextmanager
def a_cluster() -> Iterator[AuditedNode]:
    """A control plane with a real node, and the accounts of both ways."""
    with tempfile.TemporaryDirectory(prefix="pods-") as folder:
        cluster = AuditedNode(Path(folder) / "plane", max_pods=MAX_PODS)
        try:
            cluster.start()
            make_namespace(cluster)
            cluster.add_controller(NAMESPACE)
            cluster.kubectl("create", "namespace", BARE)
            cluster.add_account(BARE, BARE)
            yield cluster
        finally:
            cluster.stop()


class Job:
    """An execution of so many agents."""

    def __init__(self, cluster: AuditedNode, pods: PodRuns, agents: int, per_unit: int) -> None:
        self._cluster, self._pods = cluster, pods
        self._name, self._agents = f"job-{agents}-{per_unit}", agents
        pods.drive("take_agents_per_unit", per_unit)

    def run(self, rest: float) -> Figures:
        """Start it, let it play for some time, and stop it."""
        before, began = self._cluster.calls(), time.time()
        stage = {"template": "plain", "agent_count": self._agents, "repeat_count": 100_000}
        execution = self._pods.drive("start", self._name, "sequential", [stage])
        until(lambda: self._plays(execution), lambda: self._name, seconds=LIMIT)
        starting = self._cluster.calls() - before
        time.sleep(rest)
        found = self._pods.pods(execution)
        memory = memory_of(uids(found))
        ready = self._pods.world.call(READY, execution)
        self._pods.drive("stop", execution)
        if left := self._pods.ended(execution, LIMIT)["left"]:
            raise RuntimeError(f"left behind: {left}")
        calls = self._cluster.calls() - before
        running = last_start(found) - began
        return Figures(len(found), running, ready, starting, calls, len(found), memory)

    def _plays(self, execution: int) -> bool:
        shown = self._pods.drive("shown", execution)
        if shown["failure"]:
            raise RuntimeError(str(shown))
        return {status for *_agent, status, _code in shown["agents"]} == {"RUNNING"}


def theirs(cluster: AuditedNode, agents: int, rest: float) -> Figures:
    """Create the bare pods, poll them until all answer and for some time, and delete them."""
    before, began = cluster.calls(BARE), time.time()
    token = {"Authorization": f"Bearer {cluster.token(BARE)}"}
    with httpx.Client(base_url=cluster.url, headers=token, verify=False, timeout=60) as api:  # noqa: S501
        bare = BarePods(api, BARE, images.AGENT)
        bare.create(agents)
        bare.poll_until(lambda: bare.all_answer, LIMIT)
        ready = time.time() - began
        starting = cluster.calls(BARE) - before
        end = time.monotonic() + rest
        bare.poll_until(lambda: time.monotonic() > end, LIMIT)
        found = cluster.get("pods", "-n", BARE)["items"]
        memory = memory_of(uids(found))
        bare.delete()
    cluster.kubectl("wait", "--for=delete", "pods", "--all", "-n", BARE, "--timeout=110s")
    calls = cluster.calls(BARE) - before
    running = last_start(found) - began
    return Figures(len(found), running, ready, starting, calls, agents, memory)


def uids(pods: list[dict[str, Any]]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods}


def last_start(pods: list[dict[str, Any]]) -> float:
    """Time at which the last container began to run, by the kubelet's clock of whole seconds."""
    states = [pod["status"]["containerStatuses"][0]["state"] for pod in pods]
    return max(datetime.fromisoformat(s["running"]["startedAt"]).timestamp() for s in states)


def print_figures(way: str, agents: int, row: Figures) -> None:
    """Print the figures of one way."""
    containers, shims = (size / agents / MIB for size in row.memory)
    print(f"  {way}: {row.pods} pods")
    print(f"    all run after {row.running:.0f} s, all ready after {row.ready:.1f} s")
    print(f"    API calls until ready: {sum(row.starting.values())}: {dict(row.starting)}")
    print(f"    API calls in all: {sum(row.calls.values())}; reports a second: {row.reports}")
    print(f"    memory per agent: {containers:.1f} MiB, and of containerd {shims:.1f} MiB")


if __name__ == "__main__":
    sys.exit(main())
