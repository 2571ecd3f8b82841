"""PostgreSQL and Redis filled with rows, and servers on them, shared by the benchmarks of the API."""

import json
import os
import secrets
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks._api_load import Call
from tests.support.servers import PostgreSQL, Redis

ROOT = Path(__file__).resolve().parent.parent
API = "/api/v1"


@contextmanager
def databases(folder: Path) -> Iterator[None]:
    """Start PostgreSQL and Redis, and set the environment of a server in production that uses them."""
    folder.chmod(0o755)
    postgresql, redis = PostgreSQL(folder / "postgresql"), Redis(folder / "redis", 1)
    with ExitStack() as stack:
        for server in (postgresql, redis):
            server.start()
            stack.callback(server.stop)
        os.environ |= {
            "DATABASE_URL": postgresql.url,
            "REDIS_URL": redis.url(0),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DATA_DIR": str(folder / "data"),
            "STORAGE_DIR": str(folder / "storage"),
            "DJANGO_SETTINGS_MODULE": "robotsim_project.settings",
            "ENVIRONMENT": "production",
            "HTTPS": "false",
            "ACCESS_TOKEN_EXPIRE_MINUTES": "1440",
            "SIGN_IN_RATE": "1000000/minute",
            "LOG_LEVEL": "WARNING",
        }
        yield


def prepare(folder: Path, scale: float) -> tuple[Any, str]:
    """Migrate and fill the database; return the seeded ids and an access token."""
    import django  # noqa: PLC0415  the environment is set only now
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    from accounts.models import User  # noqa: PLC0415
    from accounts.services.bearers import issue_access  # noqa: PLC0415
    from benchmarks._api_seed import EMAIL, seed  # noqa: PLC0415

    start = time.monotonic()
    call_command("migrate", verbosity=0)
    counts = {"simulations": 20_000, "executions": 60_000, "agent_runs": 100_000}
    rows = {name: round(count * scale) for name, count in counts.items()}
    seeded = seed(folder, **rows)
    print(f"seeded in {time.monotonic() - start:.0f} s: {rows}")
    token, _ends = issue_access(User.objects.get(email=EMAIL))
    return seeded, token


@contextmanager
def running_server(
    arguments: list[str], port: int, log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server process, and wait until it answers."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                send(port, Call("/"))
                break
            except OSError:
                if child.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(log.read_text()[-3000:]) from None
                time.sleep(0.1)
        yield child
    finally:
        child.terminate()
        child.wait()


def send(port: int, call: Call) -> tuple[int, dict[str, str], Any]:
    """Send one request; return status, headers and decoded body."""
    body = call.body.replace("UNIQUE", secrets.token_hex(8)).encode()
    address = f"http://127.0.0.1:{port}{call.path}"
    request = urllib.request.Request(address, body or None, dict(call.headers), method=call.method)
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310
            data = response.read()
            status, headers = response.status, dict(response.headers)
    except urllib.error.HTTPError as error:
        data, status, headers = error.read(), error.code, dict(error.headers)
    return status, headers, json.loads(data) if data.startswith((b"{", b"[")) else None


@contextmanager
def heartbeats(running: list[int]) -> Iterator[None]:
    """Send heartbeats of all units of the running executions from a thread, once per second."""
    stop = threading.Event()
    thread = threading.Thread(target=_heartbeats, args=[running, stop])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _heartbeats(running: list[int], stop: threading.Event) -> None:
    from benchmarks._api_seed import beat  # noqa: PLC0415  needs the settings
    from simulations.models import Execution, StageRun  # noqa: PLC0415
    from simulations.services.progress.progress import progress_of  # noqa: PLC0415

    first = {pk: StageRun.objects.filter(execution=pk).order_by("position")[0].pk for pk in running}
    for sequence in range(2, sys.maxsize):
        for pk, stage_run in first.items():
            beat(pk, stage_run, sequence)
            # Refreshed here, as the peer only reads it; otherwise the first request computes it.
            progress_of(Execution.objects.get(pk=pk))
        if stop.wait(1):
            return
