"""The API under load: requests per second, latencies and queries, compared with a minimal peer.

Real PostgreSQL and Redis, 20,000 simulations, 60,000 executions, 100,000 agent runs; the server as in
production (gunicorn, 2 workers with threads, no HTTPS); the peer (FastAPI and asyncpg, uvicorn, 2 workers) on
the same database in the same run, with the same responses, which is verified before each measurement:

    .venv/bin/python -m benchmarks.api [--scale 10] [--only list] [--seconds 4] [--rounds 3]

Both databases run without fsync, as the programs are compared, not the disks. Running executions get
heartbeats during the measurements. The load comes from `wrk` (a Debian package), without it from a slower
client in Python.
"""

import argparse
import json
import secrets
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import _options
from benchmarks._api_load import WRK, Call, Figures, load
from benchmarks._api_server import API, databases, heartbeats, prepare, running_server, send
from tests.support.ports import free_ports

OURS, PEER = free_ports(2)
NOT_IN_PEER = frozenset({"start", "overview"})
"""Requests that the peer does not support."""


def comparable(call: Call, data: Any) -> Any:
    """Return the comparable part of a response, without times, ports and new ids."""
    if call.method == "GET":
        fixed = {"next": bool(data.get("next"))} if "next" in data else {}
        return {**data, **fixed}
    varying = {"id", "name", "number", "access"}
    return {
        key: None if key in varying or key.endswith("_at") else value
        for key, value in data.items()
        if not key.startswith("refresh")  # the peer gives no refresh tokens
    }


def check_same(name: str, call: Call) -> None:
    """Check that both servers give the same response, with retries, as running executions change."""
    for _attempt in range(20):
        ours, theirs = send(OURS, call), send(PEER, call)
        same = ours[0] == theirs[0] and comparable(call, ours[2]) == comparable(call, theirs[2])
        if same:
            return
    raise RuntimeError(f"{name}: the answers differ\n{str(ours)[:2000]}\n{str(theirs)[:2000]}")


def calls(seeded: Any, token: str) -> dict[str, Call]:
    """Return the measured requests by name."""
    from benchmarks._api_seed import EMAIL, FIRST, PASSWORD  # noqa: PLC0415  needs the settings

    authorization = {"Authorization": f"Bearer {token}"}
    json_type = {"Content-Type": "application/json"}
    running, ended = seeded.running[0], FIRST + seeded.executions - 1
    stage = {"template": seeded.template, "agent_count": 10, "execution_time": 60.0}
    design = {
        "name": "made UNIQUE",
        "pattern": "sequential",
        "mec": seeded.mec,
        "stages": [stage] * 2,
    }
    credentials = json.dumps({"email": EMAIL, "password": PASSWORD})

    def get(path: str, *, polling: bool = False) -> Call:
        return Call(API + path, headers=authorization, polling=polling)

    def post(path: str, body: Any) -> Call:
        return Call(API + path, "POST", authorization | json_type, json.dumps(body))

    return {
        "simulation list": get("/simulations"),
        "simulation list by status": get("/simulations?status=FAILED"),
        "simulation detail": get(f"/simulations/{FIRST + 7}"),
        "simulation detail, polled": get(f"/simulations/{FIRST + 7}", polling=True),
        "template list": get("/templates"),
        "execution list": get("/executions"),
        "ended execution": get(f"/executions/{ended}"),
        "ended execution, polled": get(f"/executions/{ended}", polling=True),
        "running execution": get(f"/executions/{running}"),
        "running execution, polled": get(f"/executions/{running}", polling=True),
        "progress": get(f"/executions/{running}/progress"),
        "progress, polled": get(f"/executions/{running}/progress", polling=True),
        "overview": get("/overview"),
        "create": post("/simulations", design),
        "start": post(f"/simulations/{seeded.startable}/start", {}),
        "sign-in": Call(f"{API}/auth/signin", "POST", json_type, credentials),
    }


def queries(call: Call) -> int:
    """Count the queries of a request, after a warm-up."""
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    client = Client(headers=dict(call.headers))
    for _warming in range(2):
        body = call.body.replace("UNIQUE", secrets.token_hex(8))
        with CaptureQueriesContext(connection) as captured:
            client.generic(call.method, call.path, body, content_type="application/json")
    return len(captured)


def measure(call: Call, options: argparse.Namespace, connections: int, port: int) -> Figures:
    """Measure once, after a warm-up."""
    load(port, call, connections, min(1, options.seconds))
    return load(port, call, connections, options.seconds)


def report(name: str, call: Call, options: argparse.Namespace) -> int:
    """Measure one kind of request on both servers in turn, and print a line for each load.

    Returns:
        The number of bad answers.
    """
    peer = name not in NOT_IN_PEER
    if peer:
        check_same(name, call)
    counted, total_bad = queries(call), 0
    for connections in options.connections:
        ours, theirs = [], []
        for _round in range(options.rounds):
            ours.append(measure(call, options, connections, OURS))
            if peer:
                theirs.append(measure(call, options, connections, PEER))
        bad = sum(item.bad for item in (*ours, *theirs))
        total_bad += bad
        print(f"{name:26} {connections:4} {columns(ours)} {counted:4}", end=" ")
        if peer:
            ratios = sorted(a.rate / max(b.rate, 0.01) for a, b in zip(ours, theirs, strict=True))
            spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
            print(f"{columns(theirs)}  {spread}", end=" ")
        print(f"BAD ANSWERS: {bad}" if bad else "", flush=True)
    return total_bad


def columns(figures: list[Figures]) -> str:
    """Return the medians of the rounds."""
    rate, p50, p99 = (
        statistics.median(getattr(item, name) for item in figures)
        for name in ("rate", "p50", "p99")
    )
    return f"{rate:8.0f} {p50:8.2f} {p99:8.2f}"


def parse_options() -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1, help="times the rows")
    parser.add_argument("--only", default="", help="part of the names to measure")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=4, help="of each gunicorn worker")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32])
    return _options.parse(parser, scale=0.01, seconds=0.05, rounds=1, connections=[2])


def main() -> int:
    """Start the servers, fill the database, measure and print; return 1 after bad answers."""
    options = parse_options()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        stack.enter_context(databases(folder))
        seeded, token = prepare(folder, options.scale)
        stack.enter_context(heartbeats(seeded.running))
        gunicorn = ["gunicorn", "robotsim_project.wsgi", "-b", f"127.0.0.1:{OURS}", "-w", "2"]
        gunicorn += ["-k", "gthread", "--threads", str(options.threads)]
        uvicorn = ["uvicorn", "benchmarks._api_peer:app", "--port", str(PEER), "--workers", "2"]
        uvicorn += ["--no-access-log", "--loop", "uvloop", "--http", "httptools"]
        stack.enter_context(running_server(gunicorn, OURS, folder / "ours.log"))
        stack.enter_context(running_server(uvicorn, PEER, folder / "peer.log"))
        print(f"load by {WRK or 'a client in Python'}; median of {options.rounds}; ms")
        heads = f"{'requests/s':>10} {'p50':>8} {'p99':>8}"
        print(f"{'':29} {heads} {'SQL':>4} {heads}  ratio to the peer")
        measured = {k: call for k, call in calls(seeded, token).items() if options.only in k}
        return min(1, sum(report(kind, call, options) for kind, call in measured.items()))


if __name__ == "__main__":
    sys.exit(main())
