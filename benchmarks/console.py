"""The console's pages on a full database: milliseconds (p50, p95), queries and bytes of each page.

Real PostgreSQL and Redis, 1,000,000 executions, 5,000,000 agent runs, 100,000 rosbags, and one running
execution of 10,000 agents:

    .venv/bin/python -m benchmarks.console [--scale 1] [--rounds 20] [--only list]

Pages are rendered in this process by Django's test client, one request after another, by an admin who is
signed in. The databases run without fsync; filling them takes some minutes.
"""

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import _options
from benchmarks._api_server import databases, heartbeats

AIM_MS, AIM_QUERIES = 150, 12
FLEET = 10_000
COUNTS = {"simulations": 20_000, "executions": 1_000_000, "agent_runs": 5_000_000}
ROSBAGS = 100_000


def fill(folder: Path, scale: float) -> dict[str, Any]:
    """Migrate and fill the database.

    Returns:
        The ids that the addresses need.
    """
    import django  # noqa: PLC0415  the environment is set only now
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    from benchmarks._api_seed import FIRST, copy, fleet, seed  # noqa: PLC0415
    from storage.models import Rosbag  # noqa: PLC0415

    start = time.monotonic()
    call_command("migrate", verbosity=0)
    rows = {name: max(200, round(count * scale)) for name, count in COUNTS.items()}
    seeded = seed(folder, **rows, with_events=False)
    bag = Rosbag.objects.order_by("pk").first()
    assert bag is not None
    copy(Rosbag, bag.pk, round(ROSBAGS * scale), name="'drive ' || n", claimed_digest="NULL")
    running = fleet(round(FLEET * scale), seeded.startable)
    print(f"filled in {time.monotonic() - start:.0f} s: {rows}, {round(ROSBAGS * scale)} rosbags")
    return {
        "simulation": FIRST + 7,
        "ended": FIRST + rows["executions"] - 1,
        "fleet": running,
        "rosbag": bag.pk,
        "template": seeded.template,
        "mec": seeded.mec,
        "running": seeded.running,
    }


def pages(ids: dict[str, Any]) -> dict[str, str]:
    """Return the measured addresses by name."""
    row = "/admin/{}/{}/change/".format
    execution, agents = "/admin/simulations/execution/", "/admin/simulations/agentrun/"
    return {
        "dashboard": "/admin/",
        "list of executions": execution,
        "list of executions, failed": f"{execution}?status__exact=FAILED",
        "list of executions, page 10": f"{execution}?p=10",
        "list of executions, search": f"{execution}?q=simulation+77",
        "list of simulations": "/admin/simulations/simulation/",
        "list of rosbags": "/admin/storage/rosbag/",
        "list of rosbags, search": "/admin/storage/rosbag/?q=drive+777",
        "list of templates": "/admin/templates/template/",
        "list of systems under test": "/admin/simulations/mec/",
        "list of people": "/admin/accounts/user/",
        "audit": "/admin/auditlog/logentry/",
        "agents of the fleet": f"{agents}?execution={ids['fleet']}",
        "search": "/admin/search/?q=simulation+77",
        "search by number": "/admin/search/?q=%2377",
        "execution of 10,000 agents": row("simulations/execution", ids["fleet"]),
        "ended execution": row("simulations/execution", ids["ended"]),
        "simulation": row("simulations/simulation", ids["simulation"]),
        "rosbag": row("storage/rosbag", ids["rosbag"]),
        "template": row("templates/template", ids["template"]),
        "system under test": row("simulations/mec", ids["mec"]),
    }


def measure(client: Any, address: str, rounds: int) -> tuple[list[float], int, int]:
    """Return the milliseconds of each request, and the queries and bytes of the last."""
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    times = []
    for _round in range(rounds + 2):
        start = time.perf_counter()
        answer = client.get(address)
        times.append((time.perf_counter() - start) * 1000)
        assert answer.status_code == 200, (address, answer.status_code)
    with CaptureQueriesContext(connection) as captured:
        size = len(client.get(address).content)
    return sorted(times[2:]), len(captured), size


def report(client: Any, name: str, address: str, rounds: int) -> None:
    """Measure one page and print its line."""
    times, queries, size = measure(client, address, rounds)
    p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
    over = [
        text for text, is_over in (("ms", p95 > AIM_MS), ("SQL", queries > AIM_QUERIES)) if is_over
    ]
    note = f"over the aim: {', '.join(over)}" if over else ""
    print(
        f"{name:32}{statistics.median(times):8.0f}{p95:8.0f}{queries:6}{size / 1024:8.0f}  {note}"
    )


def main() -> int:
    """Fill the database, measure each page and print its line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1, help="times the rows")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="", help="part of the names to measure")
    options = _options.parse(parser, scale=0.002, rounds=1)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        stack.enter_context(databases(folder))
        ids = fill(folder, options.scale)
        from django.test import Client  # noqa: PLC0415  the environment is set only now

        from accounts.models import User  # noqa: PLC0415

        client = Client(headers={"host": "localhost"})
        client.force_login(User.objects.get(email="bench@example.org"))
        stack.enter_context(heartbeats(ids["running"]))
        print(f"{'page':32}{'p50 ms':>8}{'p95 ms':>8}{'SQL':>6}{'KiB':>8}")
        for kind, address in pages(ids).items():
            if options.only in kind:
                report(client, kind, address, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
