"""Many readers of one running execution's stream, in one server process.

Starts PostgreSQL, Redis and one uvicorn process; writes events as the controller does and snapshots
as units do (10,000 agents in 1,000 units), and measures: from an event's writing (its commit included) to its
arrival at each reader; processor time and memory of the server; and how long another call takes meanwhile,
with and without readers:

    .venv/bin/python -m benchmarks.stream --readers 1000 --seconds 30
"""

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import _options
from tests.support.ports import free_port
from tests.support.servers import PostgreSQL, Redis

ROOT = Path(__file__).resolve().parent.parent
PORT = free_port()
EVENTS_A_SECOND = 5


def prepare(folder: Path) -> tuple[PostgreSQL, Redis, dict[str, str]]:
    """Start the services; yield the environment of the other processes."""
    folder.chmod(0o711)
    postgres, redis = PostgreSQL(folder / "pg"), Redis(folder / "redis", 1)
    postgres.start()
    redis.start()
    own = {
        "ENVIRONMENT": "test",
        "DJANGO_SETTINGS_MODULE": "robotsim_project.settings",
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": postgres.url,
        "REDIS_URL": redis.url(0),
        "AGENTS_PER_UNIT": "10",
    }
    os.environ.update(own)
    return postgres, redis, dict(os.environ)


def running_execution(units: int) -> tuple[int, str]:
    """Create a running execution of ten agents in each unit, and the token of a viewer."""
    import django  # noqa: PLC0415  the environment is set only now

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from accounts.models import User  # noqa: PLC0415
    from accounts.services.bearers import issue_access  # noqa: PLC0415
    from simulations.services.designs import mecs, simulations  # noqa: PLC0415
    from simulations.services.runs import lifecycle  # noqa: PLC0415
    from storage.models import Rosbag, RosbagFile, RosbagTopic  # noqa: PLC0415
    from templates.services import templates  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    rosbag = Rosbag.objects.create(name="b", status="ready", storage_id="mcap", duration_ns=10**11)
    RosbagFile.objects.create(rosbag=rosbag, path="metadata.yaml", size=1, sha256="0" * 64)
    RosbagTopic.objects.create(rosbag=rosbag, name="/odom", type="T", message_count=10_000)
    mec = mecs.create(slug="lab", name="Lab")
    template = templates.create(name="driver", rosbag=rosbag)
    stages = [simulations.StageSpec(template=template, agent_count=10 * units)]
    simulation = simulations.create_simulation(
        name="s", pattern="sequential", mec=mec, stages=stages
    )
    execution = lifecycle.start(simulation)
    lifecycle.move_execution(execution, ["PENDING"], "RUNNING")
    lifecycle.move_stage(execution.stage_runs.get(), ["PENDING"], "RUNNING")
    user = User.objects.create_user("viewer@example.org", role="viewer")
    return execution.pk, f"Bearer {issue_access(user)[0]}"


def heartbeats(execution_id: int, units: range, published: int) -> None:
    """Report snapshots of some units."""
    from agent.protocol import AgentReport, AgentState, Snapshot  # noqa: PLC0415
    from simulations.live import snapshots  # noqa: PLC0415
    from simulations.models import StageRun  # noqa: PLC0415

    stage_run = StageRun.objects.get(execution=execution_id).pk
    for unit in units:
        agents = tuple(
            AgentReport(number=10 * unit + n, state=AgentState.RUNNING, published=published)
            for n in range(10)
        )
        arguments = {"attempt": 1, "sequence": published, "sent_ns": 1}
        snapshots.store(
            execution_id, Snapshot(stage_run=stage_run, unit=unit, agents=agents, **arguments)
        )


async def read(address: str, token: str, gate: asyncio.Semaphore, delays: list[float]) -> int:
    """Read the stream to its end; return the number of events."""
    async with gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        head = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n\r\n"
        writer.write(head.encode())
        await reader.readuntil(b"\r\n\r\n")
    came = 0
    while line := await reader.readline():
        if line.startswith(b'data: {"sequence"'):
            came += 1
            if sent := json.loads(line[6:])["payload"].get("sent_ns"):
                delays.append((time.time_ns() - sent) / 1e6)
    writer.close()
    return came


def readers(count: int, address: str, token: str, results: Any) -> None:
    """Run the readers of one process; put their delays in ms and numbers of events."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    delays: list[float] = []

    async def all_of_them() -> list[int]:
        gate = asyncio.Semaphore(32)
        return await asyncio.gather(*(read(address, token, gate, delays) for _ in range(count)))

    results.put((asyncio.run(all_of_them()), delays))


def call_again(address: str, token: str, took: list[float], stop: threading.Event) -> None:
    """Send requests of another client, twenty per second; return milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    while not stop.wait(0.05):
        began = time.perf_counter()
        connection.request("GET", address, headers={"Authorization": token})
        assert connection.getresponse().read()
        took.append((time.perf_counter() - began) * 1e3)


def probed(address: str, token: str, work: Any) -> list[float]:
    """Measure the latency of another request in ms while `work` runs."""
    took: list[float] = []
    stop = threading.Event()
    prober = threading.Thread(target=call_again, args=(address, token, took, stop))
    prober.start()
    work()
    stop.set()
    prober.join()
    return took


def values(name: str, milliseconds: list[float]) -> None:
    p50, p99 = np.percentile(milliseconds, [50, 99])
    print(f"{name:34} n {len(milliseconds):8d}  p50 {p50:8.2f} ms  p99 {p99:8.2f} ms")


def happen(execution_id: int, seconds: float, *, timed: bool) -> None:
    """Generate events and heartbeats for some seconds; later replays by readers are not timed."""
    from simulations.choices import EventKind  # noqa: PLC0415
    from simulations.services.events import record_event  # noqa: PLC0415

    ticks = int(seconds * EVENTS_A_SECOND)
    for tick in range(ticks):
        began = time.monotonic()
        payload = {"sent_ns": time.time_ns()} if timed else {}
        record_event(execution_id, EventKind.UNIT_RETRIED, payload=payload)
        heartbeats(execution_id, range(20), tick + 1)
        time.sleep(max(0.0, 1 / EVENTS_A_SECOND - (time.monotonic() - began)))


def gather(server: psutil.Process, address: str, token: str, count: int) -> tuple[Any, Any]:
    """Start the readers and wait until all are connected; return their process and its results."""
    results: Any = multiprocessing.Queue()
    began, cpu = time.monotonic(), sum(server.cpu_times()[:2])
    arguments = (count, address, token, results)
    crowd = multiprocessing.get_context("fork").Process(target=readers, args=arguments)
    crowd.start()
    while len(server.net_connections()) < count:
        time.sleep(0.2)
    time.sleep(5)
    cpu = sum(server.cpu_times()[:2]) - cpu
    print(f"{count} readers in {time.monotonic() - began - 5:.1f} s, {cpu:.1f} CPU s of the server")
    return crowd, results


def measure(server: psutil.Process, execution_id: int, token: str, options: Any) -> None:
    """Measure everything."""
    place = f"/api/v1/executions/{execution_id}"
    heartbeats(execution_id, range(options.units), 1)
    work = partial(happen, execution_id, options.seconds)
    values(
        "GET progress, no readers", probed(f"{place}/progress", token, partial(work, timed=False))
    )
    memory = server.memory_info().rss
    crowd, results = gather(server, f"{place}/stream", token, options.readers)
    cpu, began = sum(server.cpu_times()[:2]), time.monotonic()
    took = probed(f"{place}/progress", token, partial(work, timed=True))
    share = (sum(server.cpu_times()[:2]) - cpu) / (time.monotonic() - began)
    grown = (server.memory_info().rss - memory) / 2**20
    threads = server.num_threads()
    events = finish(execution_id)
    came, delays = results.get(timeout=60)
    crowd.join()
    values(f"GET progress, {options.readers} readers", took)
    values("event, written to read", delays)
    print(f"{events} events; readers that saw all: {came.count(events)}")
    print(f"server: {100 * share:.0f} % of a core at {EVENTS_A_SECOND} events/s; ", end="")
    print(f"{memory / 2**20:.0f} MB + {grown:.0f} MB; {threads} threads")


def finish(execution_id: int) -> int:
    """End the execution; return the number of its events."""
    from simulations.models import Execution  # noqa: PLC0415
    from simulations.services.runs import lifecycle  # noqa: PLC0415

    execution = Execution.objects.get(pk=execution_id)
    lifecycle.move_stage(execution.stage_runs.get(), ["RUNNING"], "COMPLETED")
    lifecycle.move_execution(execution, ["RUNNING"], "COMPLETED")
    return execution.event_count


def main() -> int:
    """Run once and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--units", type=int, default=1000)
    options = _options.parse(parser, readers=5, seconds=1, units=20)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        postgres, redis, environment = prepare(Path(folder))
        try:
            execution_id, token = running_execution(options.units)
            command = [sys.executable, "-m", "uvicorn", "robotsim_project.asgi:application"]
            command += ["--port", str(PORT), "--lifespan", "off", "--no-access-log"]
            with subprocess.Popen(command, cwd=ROOT, env=environment) as server:
                try:
                    wait_for_it()
                    print(f"load of the machine: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
                    measure(psutil.Process(server.pid), execution_id, token, options)
                finally:
                    server.terminate()
        finally:
            postgres.stop()
            redis.stop()
    return 0


def wait_for_it() -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=5):
                return
        except OSError:
            time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
