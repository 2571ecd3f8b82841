"""A pass of the controller over 20 and over 200 active executions: milliseconds, queries, calls of Redis.

All executions play, in pods of the backend `kubernetes`, and nothing happens, as most of the time. On a real
PostgreSQL and Redis; the API server is that of the tests, with the watches that the controller keeps. All
units have reported before each pass, outside of the time measured:

    .venv/bin/python -m benchmarks.passes --executions 20 200 --passes 40

Queries and calls of Redis are means of a pass. A controller rests for CONTROLLER_INTERVAL_SECONDS, 0.25 s,
between two passes.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import _options
from benchmarks._api_server import databases

NAMESPACE = "robot-agents"


class Figures(NamedTuple):
    """Of passes over so many executions."""

    executions: int
    p50: float
    p95: float
    queries: float
    redis: float


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--executions", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--units", type=int, default=4, help="of each execution")
    parser.add_argument("--per-unit", type=int, default=10, help="agents in each unit")
    parser.add_argument("--passes", type=int, default=40)
    options = _options.parse(parser, executions=[2, 6], passes=5)
    with tempfile.TemporaryDirectory(prefix="passes-") as name, databases(Path(name)):
        print_table(measure(Path(name), options), options)
    return 0


def measure(folder: Path, options: argparse.Namespace) -> list[Figures]:
    """Figures for each number of executions."""
    from tests.support.kubernetes_api import KubernetesApi  # noqa: PLC0415

    with KubernetesApi(NAMESPACE) as api:
        api.write_kubeconfig(folder / "kubeconfig", folder / "token")
        os.environ |= {
            "BACKEND": "kubernetes",
            "KUBECONFIG": str(folder / "kubeconfig"),
            "AGENT_NAMESPACE": NAMESPACE,
        }
        try:
            return _measure(api, folder, options)
        finally:
            _end()


def _measure(api: Any, folder: Path, options: argparse.Namespace) -> list[Figures]:
    import django  # noqa: PLC0415  the environment is set only now
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    call_command("migrate", verbosity=0)
    from benchmarks._active_executions import ActiveExecutions  # noqa: PLC0415

    active = ActiveExecutions(api, NAMESPACE, folder, options.units, options.per_unit)
    figures, count = [], 0
    for executions in sorted(options.executions):
        active.add(executions - count)
        count = executions
        figures.append(passes(active.beat, executions, options.passes))
    return figures


def _end() -> None:
    """End the watches and close the connections, before their servers end."""
    from django.db import connections  # noqa: PLC0415  needs the settings

    from simulations.backends.kubernetes import watching  # noqa: PLC0415

    watching.stop_all()
    for connection in connections.all():
        connection.close()
        connection.close_pool()


def passes(beat: Callable[[], None], executions: int, count: int) -> Figures:
    """Time some passes, and count what they send."""
    from django.db import connection  # noqa: PLC0415  needs the settings

    from simulations.services.runs.reconcile import reconcile  # noqa: PLC0415

    milliseconds, queries, calls = [], Count(), 0
    for _ in range(count):
        beat()
        before = redis_calls()
        with connection.execute_wrapper(queries):
            began = time.perf_counter()
            stepped = reconcile()
            milliseconds.append((time.perf_counter() - began) * 1000)
        calls += redis_calls() - before - 1  # the first of both was counted
        if stepped != executions:
            raise RuntimeError(f"{stepped} of {executions} executions are active")
    p95 = statistics.quantiles(milliseconds, n=20, method="inclusive")[18]
    p50 = statistics.median(milliseconds)
    return Figures(executions, p50, p95, queries.number / count, calls / count)


class Count:
    """Counts queries."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, execute: Callable[..., Any], *query: Any) -> Any:
        self.number += 1
        return execute(*query)


def redis_calls() -> int:
    """Return the number of commands that Redis has carried out."""
    from simulations.live.connection import connect  # noqa: PLC0415  needs the settings

    with connect() as redis:
        return int(redis.info("stats")["total_commands_processed"])


def print_table(rows: list[Figures], options: argparse.Namespace) -> None:
    """Print the figures, and what a pass costs for each execution."""
    print(f"{options.units} units of {options.per_unit} agents in each execution")
    head = ("executions", "p50 ms", "p95 ms", "ms/execution", "queries", "calls of Redis")
    print("".join(f"{name:>16}" for name in head))
    for row in rows:
        each = row.p50 / row.executions
        print(
            f"{row.executions:16}{row.p50:16.1f}{row.p95:16.1f}{each:16.2f}"
            f"{row.queries:16.1f}{row.redis:16.1f}"
        )
    first, last = rows[0], rows[-1]
    ratio = (last.p50 / last.executions) / (first.p50 / first.executions)
    print(f"a pass costs {ratio:.2f} times as much for each execution at {last.executions}")


if __name__ == "__main__":
    sys.exit(main())
