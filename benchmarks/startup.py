"""Time of each process from its start until it is ready, and its memory when idle.

Starts PostgreSQL, Redis and S3, migrates, and then starts server, event stream, controller and worker one
after the other, as on a cluster. Ready is: `/health/ready` answers 200, or it says that it has begun.
Memory is that of the process and its children, after ten seconds of rest: resident (RSS, where pages that
processes share count for each) and proportional (PSS, where they are split):

    .venv/bin/python -m benchmarks.startup --times 3
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import psutil

from benchmarks import _options
from tests.support.world import Process, Served, World, a_world, until

MIB = 2**20
SERVERS = ("server", "stream")
STARTED_EVENTS = {"controller": "controller_started", "worker": "worker_started"}


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="starts of each process")
    parser.add_argument("--rest", type=float, default=10, help="seconds, before memory is read")
    options = _options.parse(parser, times=1, rest=0)
    with a_world() as world:
        started = time.monotonic()
        world.postgres.start()
        world.redis.start()
        world.start_s3()
        services = time.monotonic() - started
        migrate = duration(lambda: world.manage("migrate", "-v0").wait())
        results = {kind: measure(world, kind, options) for kind in (*SERVERS, *STARTED_EVENTS)}
    figures = {"services_s": round(services, 1), "migrate_s": round(migrate, 1), **results}
    sys.stdout.write(json.dumps(figures) + "\n")


def duration(action: Callable[[], object]) -> float:
    """Measure the duration of a block in seconds."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


def measure(world: World, kind: str, options: argparse.Namespace) -> dict[str, float]:
    """Measure the median start-up time of a process in seconds, and its memory in MiB."""
    seconds, processes, memory = [], 0, (0.0, 0.0)
    for _ in range(options.times):
        started = time.monotonic()
        process = start(world, kind)
        until(lambda: ready(process, kind))  # noqa: B023  called at once
        seconds.append(time.monotonic() - started)
        time.sleep(options.rest)
        processes, memory = at_rest(process)
        process.terminate()
        process.wait()
    return {
        "ready_s": round(statistics.median(seconds), 2),
        "processes": processes,
        "rss_mib": round(memory[0], 1),
        "pss_mib": round(memory[1], 1),
    }


def start(world: World, kind: str) -> Process:
    """Start a process like its container does."""
    makers: dict[str, Callable[[], Process]] = {
        "server": world.web,
        "stream": world.stream,
        "controller": lambda: world.manage("run_controller"),
        "worker": lambda: world.manage("run_worker"),
    }
    return makers[kind]()


def ready(process: Process, kind: str) -> bool:
    """Return True when the process is ready."""
    if isinstance(process, Served):
        return process.answers("/health/ready", 200)
    return bool(process.logged(STARTED_EVENTS[kind]))


def at_rest(process: Process) -> tuple[int, tuple[float, float]]:
    """Return the number of processes, and their memory in MiB: resident, proportional."""
    root = psutil.Process(process.popen.pid)
    memory = [item.memory_full_info() for item in (root, *root.children(recursive=True))]
    return len(memory), (sum(i.rss for i in memory) / MIB, sum(i.pss for i in memory) / MIB)


if __name__ == "__main__":
    main()
