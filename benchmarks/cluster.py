"""Thousands of agents as pods: API calls, seconds to all pods ready, and the load of controller and server.

A real Kubernetes control plane with fake nodes, whose pods run nothing; a real system (PostgreSQL, Redis, web
server, controller); units are simulated by one process that registers and reports for all of them:

    .venv/bin/python -m benchmarks.cluster --agents 10000 --per-unit 50 5 --seconds 30

It needs the programs of `make test-cluster` and kwok: `python -m tests.support.programs controlplane kwok`.
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
os.environ.setdefault("ENVIRONMENT", "test")

import psutil

from benchmarks import _options
from benchmarks._audited import CONTROLLER
from benchmarks._fake_cluster import FakeCluster
from benchmarks._simulated_units import Beats, SimulatedUnits
from tests.support.world import Process, World, a_world

START = """
from simulations.models import Mec
from simulations.services.designs import simulations as design
from simulations.services.runs import lifecycle
from simulations.services.runs.tokens import token_for
from storage.models import Rosbag, RosbagFile, RosbagTopic
from templates.services import templates
rosbag = Rosbag.objects.create(name="b", status="ready", storage_id="sqlite3", duration_ns=10**12)
RosbagFile.objects.create(rosbag=rosbag, path="metadata.yaml", size=1, sha256="0" * 64, key="x")
RosbagTopic.objects.create(rosbag=rosbag, name="/odom", type="T", message_count=10)
mec = Mec.objects.create(slug="lab", name="Lab")
stage = design.StageSpec(template=templates.create(name="t", rosbag=rosbag), agent_count={agents})
simulation = design.create_simulation(name="s", pattern="parallel", mec=mec, stages=[stage])
execution = lifecycle.start(simulation)
print(execution.pk, execution.stage_runs.get().pk, token_for(execution.pk))
"""
HANDLE = "from simulations.models import StageRun\nprint(StageRun.objects.get(pk={pk}).handle)"
QUERIES = (
    "from django.db import connection\n"
    "with connection.cursor() as c:\n"
    "    c.execute('select xact_commit from pg_stat_database where datname = current_database()')\n"
    "    print(c.fetchone()[0])"
)


@dataclass(frozen=True)
class Usage:
    """CPU seconds and resident bytes of a group of processes."""

    cpu: float
    memory: int


def usage(process: psutil.Process) -> Usage:
    """Usage of a process and its children so far."""
    cpu, memory = 0.0, 0
    for each in [process, *process.children(recursive=True)]:
        times = each.cpu_times()
        cpu += times.user + times.system
        memory += each.memory_info().rss
    return Usage(cpu, memory)


class Fleet:
    """One execution of so many agents in units of `per_unit`."""

    def __init__(self, world: World, cluster: FakeCluster, agents: int, per_unit: int) -> None:
        self._world, self._cluster = world, cluster
        self._agents, self._units = agents, -(-agents // per_unit)
        world.environment |= {
            "BACKEND": "kubernetes",
            "KUBECONFIG": str(cluster.account_kubeconfig(CONTROLLER)),
            "AGENTS_PER_UNIT": str(per_unit),
            "MAX_AGENTS": str(max(agents, 10_000)),
            "STRAGGLER_LIMIT_SECONDS": "1800",
        }
        self._web = world.web()
        self._web.until_answers("/health/live", 200)
        world.environment["SERVER_URL"] = self._web.url
        self._controller = world.manage("run_controller")
        self._controller.until_logged("controller_started")

    def run(self, seconds: float) -> None:
        """Start it, wait for its pods, report for some seconds, and print the figures."""
        parts = self._parts()
        execution, stage_run, token = self._world.python(START.format(agents=self._agents)).split()
        began = time.monotonic()
        before = {name: usage(process) for name, process in parts.items()}
        self._wait(lambda: bool(self._world.python(HANDLE.format(pk=stage_run))))
        launched = time.monotonic() - began
        job = f"execution-{execution}-stage-{stage_run}"
        self._wait(lambda: self._ready(job) >= self._units)
        ready = time.monotonic() - began
        calls = self._cluster.calls()
        print(f"{self._agents} agents in {self._units} units")
        print(f"  Job created after {launched:.1f} s, all pods ready after {ready:.1f} s")
        print(f"  API calls: {sum(calls.values())}: {dict(calls.most_common())}")
        self._print_usage(parts, before, ready, "while pods started")
        server = f"{self._web.url}/api/v1"
        units = SimulatedUnits(server, token, int(stage_run), self._units)
        print(f"  all units registered after {units.register():.1f} s")
        beats, commits = Beats(), int(self._world.python(QUERIES))
        before = {name: usage(process) for name, process in parts.items()}
        units.beat(seconds, beats)
        commits = int(self._world.python(QUERIES)) - commits
        rate = len(beats.milliseconds) / seconds
        print(
            f"  heartbeats: {rate:.0f} a second of {self._units} due, p50 {beats.p(50):.1f} ms, "
            f"p99 {beats.p(99):.1f} ms, unanswered {beats.unanswered}, "
            f"{commits / max(1, len(beats.milliseconds)):.2f} commits each"
        )
        self._print_usage(parts, before, seconds, "while units reported")
        calls = self._cluster.calls()
        print(f"  API calls in all: {sum(calls.values())}")

    def _parts(self) -> dict[str, psutil.Process]:
        processes: dict[str, Process] = {"controller": self._controller, "server": self._web}
        parts = {name: psutil.Process(each.popen.pid) for name, each in processes.items()}
        parts["redis"] = psutil.Process(self._world.redis.pid)
        parts["postgres"] = psutil.Process(self._world.postgres.pid)
        return parts

    def _print_usage(
        self,
        parts: dict[str, psutil.Process],
        before: dict[str, Usage],
        seconds: float,
        when: str,
    ) -> None:
        words = []
        for name, process in parts.items():
            now = usage(process)
            cores = (now.cpu - before[name].cpu) / seconds
            words.append(f"{name} {cores:.2f} cores, {now.memory / 1e6:.0f} MB")
        print(f"  {when}: {'; '.join(words)}")

    def _ready(self, job: str) -> int:
        status: dict[str, Any] = self._cluster.get("job", job, "-n", "robot-agents")["status"]
        return int(status.get("ready") or 0)

    def _wait(self, condition: Any) -> None:
        while not condition():
            assert self._controller.alive, self._controller.words
            time.sleep(0.2)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--per-unit", type=int, nargs="+", default=[50, 5])
    parser.add_argument("--seconds", type=float, default=30.0)
    options = _options.parse(parser, agents=100, per_unit=[50], seconds=3.0)
    for per_unit in options.per_unit:
        with a_world() as world:
            world.start()
            cluster = FakeCluster(world.folder / "plane")
            try:
                cluster.start()
                cluster.prepare(-(-options.agents // per_unit))
                Fleet(world, cluster, options.agents, per_unit).run(options.seconds)
            finally:
                cluster.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
