"""Pages of the console over a large database: time in the server and queries of each.

PostgreSQL and Redis with 1,000,000 executions (one every 20 seconds), 5,000,000 agent runs, 100,000 rosbags
and 20,000 simulations, of which five run; requests one after another in this process, as an admin:

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

SLOW_SECONDS = 0.02
AGENTS = 100
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
}
"""Measured pages by name."""


def enlarge(seeded: Any, options: argparse.Namespace) -> None:
    """Copy an ended execution, its agents and a rosbag until the database is as large as wanted."""
    from django.db import connection  # noqa: PLC0415  needs the settings

    from benchmarks._api_seed import FIRST, copy, ids_after_last  # noqa: PLC0415
    from simulations.models import AgentRun, Execution, StageRun  # noqa: PLC0415
    from simulations.services.monitoring import history  # noqa: PLC0415
    from storage.models import Rosbag  # noqa: PLC0415

    count, simulations = options.executions, seeded.simulations
    ended = f"now() - ({count} - n) * interval '20 seconds'"
    source = Execution.objects.filter(pk__gt=FIRST, status="COMPLETED").earliest("pk")
    last = Execution.objects.latest("pk").pk
    copy(
        Execution,
        source.pk,
        count,
        id=f"{last} + n",
        simulation_id=f"{FIRST} + 1 + (n - 1) % {simulations}",
        number=f"1000 + (n - 1) / {simulations}",
        created_at=f"{ended} - interval '1 minute'",
        ended_at=ended,
    )
    stages = options.agent_runs // AGENTS
    stage = source.stage_runs.earliest("position")
    last_stage = StageRun.objects.latest("pk").pk
    execution = f"{last} + {count} - {stages} + n"
    copy(StageRun, stage.pk, stages, id=f"{last_stage} + n", execution_id=execution)
    agent = AgentRun.objects.earliest("pk")
    number = f"(n - 1) % {AGENTS}"
    copy(
        AgentRun,
        agent.pk,
        options.agent_runs,
        id=ids_after_last(AgentRun),
        stage_run_id=f"{last_stage} + 1 + (n - 1) / {AGENTS}",
        number=f"1 + {number}",
        ended_at=f"now() - ({options.agent_runs} - n) * interval '0.2 seconds'",
    )
    rosbag = Rosbag.objects.earliest("pk")
    at = f"now() - ({options.rosbags} - n) * interval '1 minute'"
    copy(
        Rosbag,
        rosbag.pk,
        options.rosbags,
        name="'bag ' || n",
        claimed_digest="NULL",
        created_at=at,
        size="source.size + n",
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    start = time.monotonic()
    history.record()
    print(f"statistics of 15 days recorded in {time.monotonic() - start:.1f} s")
    start = time.monotonic()
    history.record()
    print(f"statistics of the current hour recorded in {1000 * (time.monotonic() - start):.0f} ms")


def explain(captured: Any) -> None:
    """Print the plans of slow queries."""
    from django.db import connection  # noqa: PLC0415

    for query in captured.captured_queries:
        if float(query["time"]) > SLOW_SECONDS and query["sql"].startswith("SELECT"):
            print(f"  {query['time']} s  {query['sql'][:300]}")
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {query['sql']}")
                print("".join(f"    {line}\n" for (line,) in cursor.fetchall()[:25]))


def measure(name: str, client: Any, options: argparse.Namespace) -> bool:
    """Measure a page and print a line; return whether it was answered."""
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    client.get(PAGES[name])
    times, queries, answer = [], 0, None
    for _round in range(options.rounds):
        with CaptureQueriesContext(connection) as captured:
            start = time.perf_counter()
            answer = client.get(PAGES[name])
            times.append(1000 * (time.perf_counter() - start))
        queries = max(queries, len(captured))
    high = sorted(times)[max(0, round(0.95 * len(times)) - 1)]
    size = len(answer.content) if answer else 0
    print(
        f"{name:<28} p50 {statistics.median(times):7.1f} ms   p95 {high:7.1f} ms   "
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
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--explain", action="store_true")
    options = _options.parse(parser, executions=200, agent_runs=200, rosbags=50, rounds=2)
    with tempfile.TemporaryDirectory() as folder, databases(Path(folder)):
        seeded, _token = prepare(Path(folder), 0.01 if options.tiny else 1)
        enlarge(seeded, options)
        from django.test import Client  # noqa: PLC0415

        from accounts.models import User  # noqa: PLC0415

        client = Client(SERVER_NAME="localhost")
        client.force_login(User.objects.get(email="bench@example.org"))
        answered = [measure(name, client, options) for name in PAGES]
    return 0 if all(answered) else 1


if __name__ == "__main__":
    sys.exit(main())
