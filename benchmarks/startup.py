"""How long each process takes from its start until it is ready, and its memory at rest.

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

from tests.support.world import Process, Served, World, a_world, until

REST_SECONDS = 10.0
MIB = 2**20
SERVERS = ("server", "stream")
BEGUN = {"controller": "controller_started", "worker": "worker_started"}


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="starts of each process")
    times = parser.parse_args().times
    with a_world() as world:
        began = time.monotonic()
        world.postgres.start()
        world.redis.start()
        world.start_s3()
        services = time.monotonic() - began
        migrate = timed(lambda: world.manage("migrate", "-v0").wait())
        told = {kind: measured(world, kind, times) for kind in (*SERVERS, *BEGUN)}
    figures = {"services_s": round(services, 1), "migrate_s": round(migrate, 1), **told}
    sys.stdout.write(json.dumps(figures) + "\n")


def timed(action: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.monotonic()
    action()
    return time.monotonic() - began


def measured(world: World, kind: str, times: int) -> dict[str, float]:
    """The median of the starts of one kind, in seconds, and its memory in MiB."""
    seconds, processes, memory = [], 0, (0.0, 0.0)
    for _ in range(times):
        began = time.monotonic()
        process = start(world, kind)
        until(lambda: ready(process, kind))  # noqa: B023  called at once
        seconds.append(time.monotonic() - began)
        time.sleep(REST_SECONDS)
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
    """One process, as its container starts it."""
    makers: dict[str, Callable[[], Process]] = {
        "server": world.web,
        "stream": world.stream,
        "controller": lambda: world.manage("run_controller"),
        "worker": lambda: world.manage("run_worker"),
    }
    return makers[kind]()


def ready(process: Process, kind: str) -> bool:
    """Whether it does its work."""
    if isinstance(process, Served):
        return process.answers("/health/ready", 200)
    return bool(process.logged(BEGUN[kind]))


def at_rest(process: Process) -> tuple[int, tuple[float, float]]:
    """How many processes it is, and their memory in MiB: resident, proportional."""
    own = psutil.Process(process.popen.pid)
    all_of_it = [own, *own.children(recursive=True)]
    found = [each.memory_full_info() for each in all_of_it]
    return len(all_of_it), (sum(i.rss for i in found) / MIB, sum(i.pss for i in found) / MIB)


if __name__ == "__main__":
    main()
