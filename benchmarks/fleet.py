"""A fleet on this machine: start, skew, lateness, and what server, controller and agents use.

Runs the demo as `make demo` does, in a data folder of its own, on a sample bag of the length asked for, and
samples the processor time and memory of every process meanwhile:

    .venv/bin/python -m benchmarks.fleet --agents 500 --seconds 30 --hertz 25 --per-unit 100 --transport null
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks import _options
from launcher.options import TRANSPORTS
from rosbag2.writing.sample import make_sample
from tests.support.ports import free_port

SAMPLE_HERTZ = 75.0
"""Messages a second in the sample bag, over its three topics."""
ROOT = Path(__file__).resolve().parent.parent
KINDS = {"uvicorn": "server", "run_controller": "controller", "run_worker": "worker"}


def kind_of(process: psutil.Process, data: Path) -> str | None:
    """Return the part of the system that a process belongs to; None for others."""
    environment = process.environ()
    if environment.get("ROBOTSIM_WORK_DIR", "").startswith(str(data)):
        return "units"
    if environment.get("DATA_DIR") != str(data):
        return None
    arguments = " ".join(process.cmdline())
    return next((kind for argument, kind in KINDS.items() if argument in arguments), None)


def sample(data: Path, used: dict[str, dict[int, float]], memory: dict[str, int]) -> None:
    """Update the CPU time of each part (s) and its maximum memory (bytes)."""
    resident: dict[str, int] = defaultdict(int)
    for process in psutil.process_iter():
        try:
            kind = kind_of(process, data)
            if kind:
                times = process.cpu_times()
                used[kind][process.pid] = times.user + times.system
                resident[kind] += process.memory_info().rss
        except psutil.Error:
            continue
    for kind, size in resident.items():
        memory[kind] = max(memory[kind], size)


def snapshots(data: Path) -> dict[str, int]:
    """Read the server's counts of the units' snapshots: `received` and `lost`."""
    with closing(sqlite3.connect(data / "robotsim.sqlite3")) as database:
        row = database.execute(
            "SELECT payload FROM simulations_event WHERE kind = 'execution.heartbeats' ORDER BY id DESC"
        ).fetchone()
    return dict(json.loads(row[0])) if row else {}


@dataclass(frozen=True)
class Measured:
    """A finished demo; CPU seconds by process and the maximum memory in bytes, of each part."""

    exit_code: int
    summary: dict[str, Any]
    beats: dict[str, int]
    seconds: float
    used: dict[str, dict[int, float]]
    memory: dict[str, int]


def run_demo(bag: Path, **options: Any) -> Measured:
    """Run the demo on a bag, with options such as AGENTS and TRANSPORT."""
    used: dict[str, dict[int, float]] = defaultdict(dict)
    memory: dict[str, int] = defaultdict(int)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        own = {"DATA_DIR": folder, "BAG": str(bag), "PORT": str(free_port())}
        environment = os.environ | own | {name: str(value) for name, value in options.items()}
        command = [sys.executable, "-m", "launcher", "demo"]
        began = time.monotonic()
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        ) as demo:
            while demo.poll() is None:
                sample(data, used, memory)
                time.sleep(0.5)
            output = demo.stdout.read() if demo.stdout else ""
        if demo.returncode:
            print(output)  # the reason is in it
        summary = json.loads(output.strip().splitlines()[-1])
        seconds = time.monotonic() - began
        return Measured(demo.returncode, summary, snapshots(data), seconds, used, memory)


def main() -> int:
    """Run once and print a table; return the exit code of the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--hertz", type=float, default=SAMPLE_HERTZ, help="messages of each agent")
    parser.add_argument("--per-unit", type=int, default=10, help="agents in each process")
    parser.add_argument("--transport", choices=TRANSPORTS, default="null")
    options = _options.parse(parser, agents=2, seconds=1)
    rate = options.hertz / SAMPLE_HERTZ
    with tempfile.TemporaryDirectory() as folder:
        bag = Path(folder) / "drive"
        make_sample(bag, seconds=options.seconds * rate)
        values = {"AGENTS": options.agents, "AGENTS_PER_UNIT": options.per_unit}
        demo = run_demo(bag, **values, TRANSPORT=options.transport, RATE=rate)
    print(json.dumps(demo.summary, indent=1))
    received, lost = demo.beats.get("received"), demo.beats.get("lost")
    print(f"snapshots received {received}, snapshots lost {lost}")
    print(f"whole command {demo.seconds:.1f} s")
    print(f"{'part':12} {'processes':>9} {'CPU s':>8} {'memory MB (sum)':>16}")
    for kind in sorted(demo.used):
        cpu = sum(demo.used[kind].values())
        print(f"{kind:12} {len(demo.used[kind]):9} {cpu:8.1f} {demo.memory[kind] / 2**20:16.0f}")
    print(f"memory of an agent {demo.memory['units'] / 2**20 / options.agents:.1f} MB")
    return demo.exit_code


if __name__ == "__main__":
    sys.exit(main())
