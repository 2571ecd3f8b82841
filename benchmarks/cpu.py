"""CPU time per polled request, compared with simpler implementations.

Real PostgreSQL and Redis, and the two servers of production (gunicorn with threads, gunicorn with an event
loop), with a process each. One client asks on one connection; counted is the processor time of the server
alone, which says more than time on the wall on a machine that does other things as well:

    .venv/bin/python -m benchmarks.cpu [--requests 1000] [--rounds 5] [--only list] [--scale 0.1]

The ways: `polled` is what clients that poll get, `view` the same address through all middleware and our view,
`values` and `plain` are the peers of `_cpu_peers.py`. A heartbeat goes to the server with threads, as in
production, and to the one with an event loop, as in `make run`.
"""

import argparse
import http.client
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from benchmarks import _options
from benchmarks._api_load import Call
from benchmarks._api_server import API, databases, heartbeats, prepare, running_server, send
from tests.support.ports import free_ports

WEB, STREAM = free_ports(2)
APPLICATIONS = {
    WEB: ("web", "benchmarks._cpu_peers:application"),
    STREAM: ("stream", "robotsim_project.asgi:application"),
}
WARMING = 50
UNPOLLED = {"Accept": "application/json, */*;q=0.5"}
"""Headers for the same response that is not answered early."""

Row = tuple[str, str, int, Call]
"""Name of the request, the method, the port, the request."""


def reads(seeded: Any, token: str) -> Iterator[Row]:
    """Yield the reads, by each method."""
    from benchmarks._api_seed import FIRST  # noqa: PLC0415  needs the settings

    paths = {
        "simulation list": "/simulations",
        "execution list": "/executions",
        "simulation detail": f"/simulations/{FIRST + 7}",
        "running execution": f"/executions/{seeded.running[0]}",
        "progress": f"/executions/{seeded.running[0]}/progress",
    }
    for name, path in paths.items():
        call = Call(API + path, headers={"Authorization": f"Bearer {token}"})
        yield name, "polled", WEB, call
        yield name, "view", WEB, replace(call, headers={**call.headers, **UNPOLLED})
        if name != "progress":
            yield name, "values", WEB, replace(call, path=f"/peer/values{path}")
        yield name, "plain", WEB, replace(call, path=f"/peer/plain{path}")


def beats(running: int) -> Iterator[Row]:
    """Yield a heartbeat of a unit of ten agents, to each server."""
    from agent.protocol import encode  # noqa: PLC0415  needs the settings
    from benchmarks._api_seed import snapshot  # noqa: PLC0415
    from simulations.models import StageRun  # noqa: PLC0415
    from simulations.services.runs.tokens import token_for  # noqa: PLC0415

    stage_run = StageRun.objects.filter(execution=running).order_by("position")[0]
    headers = {"Authorization": f"Unit {token_for(running)}", "Content-Type": "application/json"}
    body = encode(snapshot(stage_run.pk, 0, 2)).decode()
    call = Call(f"{API}/units/report", "POST", headers, body)
    yield "heartbeat", "threads", WEB, call
    yield "heartbeat", "event loop", STREAM, call


def check(rows: list[Row]) -> None:
    """Check that all requests succeed, and that polling clients get the same as other clients."""
    first: dict[str, Any] = {}
    for name, method, port, call in rows:
        status, _headers, answer = send(port, call)
        if status != 200:
            raise RuntimeError(f"{name}, {method}: {status} {answer}")
        content = {key: answer[key] for key in answer if key not in {"progress", "next"}}
        if name in {"progress", "heartbeat"} or method == "values":
            continue
        if first.setdefault(name, content) != content:
            raise RuntimeError(f"{name}: {method} differs\n{first[name]}\n{content}")


def send_requests(port: int, call: Call, count: int) -> None:
    """Send a number of requests, one after the other, on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _number in range(count):
        connection.request(call.method, call.path, call.body or None, dict(call.headers))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
    connection.close()


def cpu_seconds(server: psutil.Process) -> float:
    """Return the CPU time of a server and its workers so far."""
    times = (process.cpu_times() for process in (server, *server.children(recursive=True)))
    return sum(used.user + used.system for used in times)


def measure(server: psutil.Process, port: int, call: Call, count: int) -> float:
    """Measure the CPU time of one request in milliseconds, after a warm-up."""
    send_requests(port, call, min(WARMING, count))
    before = cpu_seconds(server)
    send_requests(port, call, count)
    return (cpu_seconds(server) - before) / count * 1000


def report(rows: list[Row], servers: dict[int, psutil.Process], options: Any) -> None:
    """Measure all rows in rounds, and print them."""
    measurements: list[tuple[Row, list[float]]] = [(row, []) for row in rows]
    for _round in range(options.rounds):
        for (_name, _method, port, call), figures in measurements:
            figures.append(measure(servers[port], port, call, options.requests))
    print(f"\nCPU ms per request, median of {options.rounds} rounds of {options.requests}")
    print(f"{'':20} {'method':11} {'ms':>7} {'min':>7} {'max':>7}  times the first")
    first: dict[str, float] = {}
    for (name, method, _port, _call), figures in measurements:
        middle = statistics.median(figures)
        ratio = middle / (first.setdefault(name, middle) or middle or 1)
        extremes = f"{min(figures):7.2f} {max(figures):7.2f}"
        print(f"{name:20} {method:11} {middle:7.2f} {extremes}  {ratio:5.2f}")


def server(stack: ExitStack, port: int, folder: Path) -> psutil.Process:
    """Start one of the production servers, with one worker."""
    kind, application = APPLICATIONS[port]
    arguments = ["gunicorn", "--config", f"python:robotsim_project.gunicorn.{kind}", application]
    environment = {"WEB_PORT": str(port), "WEB_WORKERS": "1"}
    log = folder / f"{kind}.log"
    return psutil.Process(
        stack.enter_context(running_server(arguments, port, log, **environment)).pid
    )


def parse_options() -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1000, help="of each kind in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of the names to measure")
    parser.add_argument("--scale", type=float, default=0.1, help="times the rows of api.py")
    return _options.parse(parser, requests=5, rounds=1, scale=0.01)


def main() -> None:
    """Start the servers, fill the database, measure and print."""
    options = parse_options()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        stack.enter_context(databases(folder))
        seeded, token = prepare(folder, options.scale)
        stack.enter_context(heartbeats(seeded.running[:1]))
        servers = {port: server(stack, port, folder) for port in APPLICATIONS}
        print(f"load of the machine: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
        rows = [*reads(seeded, token), *beats(seeded.running[1])]
        rows = [row for row in rows if options.only in row[0]]
        check(rows)
        report(rows, servers, options)


if __name__ == "__main__":
    main()
