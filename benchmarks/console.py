"""Pages of the console over a large database: time in the server and queries of each.

PostgreSQL and Redis with 1,000,000 executions (one every 20 seconds), 5,000,000 agent runs, 100,000 rosbags
20,000 simulations, of which five run, and a fleet of 10,000 agents that runs; requests one after another in
this process, as an admin:

    .venv/bin/python -m benchmarks.console [--executions 1000000] [--rounds 30] [--explain]

`--explain` prints the plan of each query that takes more than 20 ms.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import _options
from benchmarks._api_server import databases, prepare
from benchmarks._console_seed import addresses, enlarge

SLOW_SECONDS = 0.02
PAGES = {
    "dashboard": "/admin/",
    "dashboard, its part": "/admin/?part=state",
    "health": "/admin/system/health/?part=state",
    "background work": "/admin/system/work/?part=state",
    "storage": "/admin/system/storage/?part=state",
    "settings": "/admin/system/settings/",
    "search by name": "/admin/search/?part=results&q=simulation+1234",
    "search by a common part": "/admin/search/?part=results&q=simul",
    "search by two letters": "/admin/search/?part=results&q=qz",
    "search by number": "/admin/search/?part=results&q=%2314",
    "search by name and number": "/admin/search/?part=results&q=simulation+1234+%2314",
    "list of executions": "/admin/simulations/execution/",
    "list of executions, failed": "/admin/simulations/execution/?status__exact=FAILED",
    "list of executions, page 10": "/admin/simulations/execution/?p=10",
    "list of executions, by name": "/admin/simulations/execution/?q=simulation+77",
    "list of simulations": "/admin/simulations/simulation/",
    "list of rosbags": "/admin/storage/rosbag/",
    "list of rosbags, by name": "/admin/storage/rosbag/?q=bag+777",
    "list of templates": "/admin/templates/template/",
    "list of systems under test": "/admin/simulations/mec/",
    "list of people": "/admin/accounts/user/",
    "audit": "/admin/auditlog/logentry/",
}
"""Measured pages by name; those of rows come from `_console_seed.addresses`."""


def explain(captured: Any) -> None:
    """Print the plans of slow queries."""
    from django.db import connection  # noqa: PLC0415

    for query in captured.captured_queries:
        if float(query["time"]) > SLOW_SECONDS and query["sql"].startswith("SELECT"):
            print(f"  {query['time']} s  {query['sql'][:300]}")
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {query['sql']}")
                print("".join(f"    {line}\n" for (line,) in cursor.fetchall()[:25]))


def measure(name: str, address: str, client: Any, options: argparse.Namespace) -> bool:
    """Measure a page and print a line; return whether it was answered."""
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    client.get(address)
    times, queries, answer = [], 0, None
    for _round in range(options.rounds):
        with CaptureQueriesContext(connection) as captured:
            start = time.perf_counter()
            answer = client.get(address)
            times.append(1000 * (time.perf_counter() - start))
        queries = max(queries, len(captured))
    high = sorted(times)[max(0, round(0.95 * len(times)) - 1)]
    size = len(answer.content) if answer else 0
    print(
        f"{name:<32} p50 {statistics.median(times):7.1f} ms   p95 {high:7.1f} ms   "
        f"{queries:3} queries   {size:7} bytes",
        flush=True,
    )
    if options.explain:
        explain(captured)
    return answer is not None and answer.status_code == 200


def main() -> int:
    """Seed, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--agent-runs", type=int, default=5_000_000)
    parser.add_argument("--rosbags", type=int, default=100_000)
    parser.add_argument("--fleet", type=int, default=10_000, help="agents of the largest execution")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--only", default="", help="part of the names to measure")
    parser.add_argument("--explain", action="store_true")
    options = _options.parse(
        parser, executions=200, agent_runs=200, rosbags=50, fleet=100, rounds=2
    )
    with tempfile.TemporaryDirectory() as folder, databases(Path(folder)):
        seeded, _token = prepare(Path(folder), 0.01 if options.tiny else 1)
        enlarge(seeded, options)
        from benchmarks._api_seed import fleet  # noqa: PLC0415  the environment is set only now

        pages = PAGES | addresses(seeded, fleet(options.fleet, seeded.startable))
        from django.test import Client  # noqa: PLC0415

        from accounts.models import User  # noqa: PLC0415
        from robotsim_project.processes import garbage  # noqa: PLC0415

        garbage.freeze_loaded()
        client = Client(SERVER_NAME="localhost")
        client.force_login(User.objects.get(email="bench@example.org"))
        answered = [
            measure(*page, client, options) for page in pages.items() if options.only in page[0]
        ]
    return 0 if all(answered) else 1


if __name__ == "__main__":
    sys.exit(main())
