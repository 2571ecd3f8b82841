"""Faults of pods and of the cluster, and how executions end that meet them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.deployment.node.pod_runs import NAMESPACE, PodRuns, Shown
from tests.support.world import until

ONE = {"template": "light", "agent_count": 1, "repeat_count": 15}
"""A stage of one unit that plays for 15 s."""


@dataclass
class Fault:
    """One fault: when its code was shown, and how the execution ended."""

    name: str
    seconds: float
    """From the fault until the user saw the code."""
    shown: str
    """The code that was shown."""
    result: Shown = field(default_factory=dict)

    def row(self) -> str:
        ended = " ".join(filter(None, [self.result["status"], self.result["failure"]]))
        left = ", ".join(self.result["left"]) or "nothing"
        return f"| {self.name} | {self.shown} | {self.seconds:.1f} | {ended} | {left} |"


HEAD = "| fault | shown | s | ended | left |\n|---|---|---|---|---|"


def print_table(config: pytest.Config, rows: list[Fault]) -> None:
    """Print the faults at the end of a file of tests."""
    plugins = config.pluginmanager
    terminal, capture = map(plugins.get_plugin, ("terminalreporter", "capturemanager"))
    if terminal is not None and capture is not None:
        with capture.global_and_fixture_disabled():
            terminal.write_line("\n".join(["", HEAD, *(fault.row() for fault in rows)]))


def codes(shown: Shown) -> set[str]:
    """Return all failure codes that a user sees of an execution, also of why it waits."""
    waiting = {each["code"] for each in shown["waiting"] if each}
    stages = {code for _status, code in shown["stages"]}
    agents = {code for *_agent, code in shown["agents"]}
    return (waiting | stages | agents | {shown["failure"]}) - {""}


def meet(
    pods: PodRuns, name: str, code: str, execution: int, act: Callable[[], Any], limit: float = 240
) -> Fault:
    """Do what is the fault, and wait until its code is shown; the end is that of `finish`."""
    act()
    seconds = pods.seconds_until(
        lambda: code in codes(pods.drive("shown", execution)),
        lambda: f"{name}: {pods.drive('shown', execution)}",
        limit,
    )
    return Fault(name, seconds, code)


HOG = """
import os, sys
open(sys.argv[1], "w").write(str(os.getpid()))
held = [bytearray(os.urandom(1 << 20)) for _ in range(4096)]
"""
"""Joins a control group and takes memory until the kernel kills one in it."""


def use_up_memory(pod: Shown) -> None:
    """Fill the memory of a unit's container; of its processes the kernel is to choose the unit."""
    (process,) = (one for one in psutil.process_iter() if _is_of(one, pod))
    rows = Path(f"/proc/{process.pid}/cgroup").read_text().splitlines()
    (path,) = (row.split(":memory:")[1] for row in rows if ":memory:" in row)
    Path(f"/proc/{process.pid}/oom_score_adj").write_text("1000")
    group = f"/sys/fs/cgroup/memory{path}/cgroup.procs"
    subprocess.run([sys.executable, "-c", HOG, group], check=False)


def kill_unit(pod: Shown, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal the process of a unit, as the kernel would: from outside its container."""
    processes = [process for process in psutil.process_iter() if _is_of(process, pod)]
    assert processes, "no process has the pod's uid in its environment"
    for process in processes:
        os.kill(process.pid, number)


def _is_of(process: psutil.Process, pod: Shown) -> bool:
    try:
        return process.environ().get("ROBOTSIM_PROCESS") == pod["metadata"]["uid"]
    except (psutil.Error, OSError):
        return False


def lose_node(pods: PodRuns, found: list[Shown]) -> None:
    """Kill the kubelet, and the units together with what would report their end."""
    pods.cluster.node.kill_kubelet()
    for pod in found:
        kill_unit(pod)


def evict(pods: PodRuns, pod: Shown) -> None:
    """Ask the API to evict a pod, as a drained node does."""
    name = pod["metadata"]["name"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": NAMESPACE},
    }
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/eviction"
    pods.cluster.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))


def play(pods: PodRuns, execution: int) -> None:
    """Wait until the agents of an execution play."""
    until(
        lambda: (
            {status for *_a, status, _c in pods.drive("shown", execution)["agents"]} == {"RUNNING"}
        ),
        lambda: str(pods.drive("shown", execution)),
    )
