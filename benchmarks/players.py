"""A fleet against what people use today: the simplest player on rosbags, a process per robot.

`ros2 bag play` cannot be had as a wheel. Both play the sample bag over Zenoh to a router, one after the
other; theirs has no common start, no counts and no recordings:

    .venv/bin/python -m benchmarks.players [--agents 20] [--seconds 30]

Skew of theirs is between the first messages of the first and the last of them; ours is from the common
start, and the memory and CPU are those of the units. `besides playing` is the rest of the time that the
run takes: starting processes, and for ours the common start, uploads of recordings and their checks.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import _options
from benchmarks.fleet import ROOT, run_demo
from rosbag2.writing.sample import make_sample
from tests.support.zenoh import CountingRouter


def theirs(bag: Path, agents: int, endpoint: str, seconds: float) -> dict[str, float]:
    """Play with a process for each agent."""
    began = time.time_ns()
    players = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks._simplest_player", bag, f"agent_{n}", endpoint],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(1, agents + 1)
    ]
    rows: list[dict[str, Any]] = [json.loads(player.communicate()[0]) for player in players]
    lateness = sorted(value for row in rows for value in row["lateness_us"])
    starts = [row["start"] for row in rows]
    return {
        "messages": len(lateness),
        "besides playing s": (time.time_ns() - began) / 1e9 - seconds,
        "skew ms": (max(starts) - min(starts)) / 1e6,
        "lateness p99 ms": lateness[len(lateness) * 99 // 100] / 1000,
        "CPU s": sum(row["cpu"] for row in rows),
        "memory MB": sum(row["memory"] for row in rows) / 2**20,
    }


def ours(bag: Path, agents: int, per_unit: int, seconds: float) -> dict[str, float]:
    """Play with the demo, which starts a router of its own."""
    demo = run_demo(bag, AGENTS=agents, AGENTS_PER_UNIT=per_unit, TRANSPORT="zenoh-raw")
    if demo.exit_code:
        raise RuntimeError(demo.summary)
    return {
        "messages": demo.summary["messages_published"],
        "besides playing s": demo.summary["seconds"] - seconds,
        "skew ms": demo.summary["start_skew_us_max"] / 1000,
        "lateness p99 ms": demo.summary["lateness_us_p99"] / 1000,
        "CPU s": sum(demo.used["units"].values()),
        "memory MB": demo.memory["units"] / 2**20,
    }


def main() -> None:
    """Run both and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--per-unit", type=int, default=10, help="our agents in each process")
    options = _options.parse(parser, agents=2, seconds=1)
    with tempfile.TemporaryDirectory() as folder:
        bag = Path(folder) / "drive"
        make_sample(bag, seconds=options.seconds)
        router = CountingRouter()
        try:
            their_figures = theirs(bag, options.agents, router.endpoint, options.seconds)
        finally:
            router.close()
        our_figures = ours(bag, options.agents, options.per_unit, options.seconds)
    print(f"{options.agents} agents, {options.seconds:g} s of the sample bag over zenoh-raw")
    print(f"{'':18} {'ours':>12} {'a process each':>16}")
    for name, value in their_figures.items():
        print(f"{name:18} {our_figures[name]:12,.1f} {value:16,.1f}")


if __name__ == "__main__":
    main()
