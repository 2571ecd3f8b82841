"""The same execution on this machine and in pods of a real node: its start, its play, and its result.

Seconds from the request to the first message, skew of the start and lateness, both ways in one run, the
differences between the results (none are expected), and the start when many pods start at once:

    .venv/bin/python -m benchmarks.pods --agents 20 --pods 40 --times 3

The node is this machine, too, with the kubelet, containerd and runc of `make test-node`, whose needs it has:
root, Debian's packages, and the images. Its pods, the local units and everything that serves them share the
cores. Skew and lateness are those that agents report: the worst skew of any agent, the median of the agents'
p50, and the worst p99 of any agent.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
os.environ.setdefault("ENVIRONMENT", "test")

from benchmarks import _options
from tests.deployment.node.needs import missing
from tests.deployment.node.pod_runs import PodRuns, pod_runs
from tests.deployment.node.real_cluster import RealCluster

FIGURES = "benchmarks._pod_figures.start_figures"
LIMIT = 900.0
Figures = dict[str, float]
Result = dict[str, Any]


def main() -> int:
    """Measure and print; 1 when results differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--per-unit", type=int, default=2, help="agents in each unit")
    parser.add_argument("--passes", type=int, default=10, help="of the bag, 0.9 s each")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--pods", type=int, default=40, help="that start at once; 0: none")
    options = _options.parse(parser, agents=4, passes=1, times=1, pods=3)
    if reason := missing():
        sys.stderr.write(f"No node runs here: {reason}\n")
        return 2
    with a_cluster() as cluster, pod_runs(cluster, AGENTS_PER_UNIT=str(options.per_unit)) as pods:
        differences = compare(pods, options)
        if options.pods:
            start_many(pods, options.pods, options.times)
    return 1 if differences else 0


@contextmanager
def a_cluster() -> Iterator[RealCluster]:
    """A control plane with a real node."""
    with tempfile.TemporaryDirectory(prefix="pods-") as folder:
        cluster = RealCluster(Path(folder) / "plane")
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def compare(pods: PodRuns, options: argparse.Namespace) -> list[str]:
    """Run the same execution in both places, print the figures, and return how results differ."""
    node = several(pods, "node", options)
    with pods.locally():
        local = several(pods, "local", options)
    print(f"{options.agents} agents, {options.per_unit} in a unit; medians of {options.times} runs")
    print(f"{'':22} {'node':>10} {'local':>10} {'node/local':>12}")
    for name in node[0][1]:
        there, here = (statistics.median(row[name] for _r, row in rows) for rows in (node, local))
        print(f"{name:22} {there:10.3f} {here:10.3f} {there / here:12.2f}")
    results = [result for result, _figures in (*node, *local)]
    differences = [line for result in results[1:] for line in differing(results[0], result)]
    print(f"differences of the results: {'; '.join(differences) or 'none'}")
    return differences


def several(pods: PodRuns, place: str, options: argparse.Namespace) -> list[tuple[Result, Figures]]:
    """Results and figures of some runs; one before them finds everything started and read from disk."""
    stage = {
        "template": "light",
        "agent_count": options.agents,
        "repeat_count": options.passes,
    }
    run(pods, f"{place}_first", stage | {"agent_count": 1})
    return [run(pods, f"{place}_{number}", stage) for number in range(options.times)]


def run(pods: PodRuns, name: str, stage: dict[str, Any]) -> tuple[Result, Figures]:
    """Run an execution of one stage; its result is without the name, which is in the names of topics."""
    execution = pods.drive("start", name, "sequential", [stage])
    result = pods.ended(execution, LIMIT)
    if result["status"] != "COMPLETED":
        raise RuntimeError(json.dumps(pods.drive("shown", execution)))
    anonymous: Result = json.loads(json.dumps(result).replace(f"/{name}_", "/NAME_"))
    return anonymous, pods.world.call(FIGURES, execution)


def differing(one: Result, other: Result) -> list[str]:
    """Say in what two results differ."""
    return [f"{key}: {one[key]} and {other[key]}" for key in one if one[key] != other[key]]


def start_many(pods: PodRuns, count: int, times: int) -> None:
    """Print the seconds from the request to the first message when many pods start at once."""
    pods.drive("take_agents_per_unit", 1)
    stage = {"template": "plain", "agent_count": count, "repeat_count": 3}
    rows = [run(pods, f"many_{number}", stage)[1] for number in range(times)]
    print(f"{count} pods of 1 agent; {times} runs")
    for name in ("all ready s", "first message s", "skew, worst ms"):
        values = sorted(row[name] for row in rows)
        print(f"{name:22} {statistics.median(values):10.3f}  ({values[0]:.3f} to {values[-1]:.3f})")


if __name__ == "__main__":
    sys.exit(main())
