"""A separate system for tests that stop parts of it: PostgreSQL, Redis, S3, and robotsim's processes."""

import itertools
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from robotsim_project.environment import BASE_DIR
from tests.support.ports import free_port
from tests.support.s3 import S3
from tests.support.servers import PostgreSQL, Redis

PATIENCE = 180.0
"""Seconds; limits a hanging test and asserts nothing."""
SHELL = """
import contextlib, io, json, sys, traceback
import django
django.setup()
from django.db import connection
for line in sys.stdin:
    printed, error = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(printed):
            exec(json.loads(line), {})
    except Exception:
        error = traceback.format_exc()
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # servers come and go
    print(json.dumps([printed.getvalue(), error]), flush=True)
"""
"""Runs Python code line by line; a new process for each would take a second and a half."""
OURS = ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "MINIO_ENDPOINT")


def until(
    condition: Callable[[], Any], why: Callable[[], str] = str, *, seconds: float = PATIENCE
) -> Any:
    """Wait for a condition, and return its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"it never came to be {why()}")


class Process:
    """One of robotsim's processes, with its log."""

    def __init__(self, words: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, *words],
                cwd=BASE_DIR,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def words(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return all log lines of an event."""
        lines = [line for line in self.words.splitlines() if line.startswith("{")]
        return [entry for entry in map(json.loads, lines) if entry["event"] == event]

    def until_logged(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until an event was logged a number of times."""
        return list(until(lambda: len(f := self.logged(event)) >= count and f, lambda: self.words))

    def terminate(self) -> None:
        self.popen.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for the end, and return the exit code."""
        until(lambda: not self.alive, lambda: self.words)
        return int(self.popen.returncode)

    def kill(self) -> None:
        if self.alive:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()


class Served(Process):
    """A robotsim server on its own port."""

    url = ""

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        host, _colon, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=PATIENCE)

    def answers(self, path: str, status: int) -> bool:
        try:
            return self.get(path).status_code == status
        except httpx.TransportError:
            return False

    def until_answers(self, path: str, status: int) -> None:
        until(lambda: self.answers(path, status), lambda: self.words)


class World:
    """Services, not yet started, and their addresses."""

    def __init__(
        self, folder: Path, *, durable: bool = False, s3: Callable[[Path], S3] = S3
    ) -> None:
        self.folder = folder
        self.postgres = PostgreSQL(folder / "pg", durable=durable)
        self.redis = Redis(folder / "redis", 1, durable=durable)
        self.s3 = s3(folder / "s3")
        self.processes: list[Process] = []
        self._log_numbers = itertools.count()
        self._shell: subprocess.Popen[str] | None = None
        data = folder / "data"
        data.mkdir(mode=0o700)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in OURS},
            "ENVIRONMENT": "production",  # with throttles, as on a cluster
            "SECRET_KEY": secrets.token_urlsafe(48),
            "HTTPS": "false",
            "DATA_DIR": str(data),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url(0),
            "MINIO_ENDPOINT": self.s3.endpoint,
            "MINIO_ACCESS_KEY": self.s3.access_key,
            "MINIO_SECRET_KEY": self.s3.secret_key,
            "LOG_LEVEL": "INFO",
        }

    def start_s3(self) -> None:
        self.s3.start()
        self.s3.wait(self.s3.endpoint)

    def start(self) -> None:
        """Start all services, and migrate the database."""
        self.s3.start()
        self.redis.start()
        self.postgres.start()
        assert self.manage("migrate", "-v0").wait() == 0
        self.s3.wait(self.s3.endpoint)

    def manage(self, *words: str, **extra: str) -> Process:
        """Start a command of manage.py."""
        return self._add(
            Process(["manage.py", *words], self.environment | extra, self._log(words[0]))
        )

    def server(self, kind: str, application: str, **extra: str) -> Served:
        """Start gunicorn with one of the two configurations."""
        port = extra.get("WEB_PORT") or str(free_port())
        words = ["-m", "gunicorn", "--config", f"python:robotsim_project.gunicorn.{kind}"]
        words.append(f"robotsim_project.{application}:application")
        served = Served(words, self.environment | {"WEB_PORT": port} | extra, self._log(kind))
        served.url = f"http://127.0.0.1:{port}"
        self._add(served)
        return served

    def web(self, **extra: str) -> Served:
        return self.server("web", "wsgi", **extra)

    def stream(self, **extra: str) -> Served:
        return self.server("stream", "asgi", **extra)

    def python(self, text: str) -> str:
        """Run Python code with Django set up, and return its output."""
        if self._shell is None:
            self._shell = subprocess.Popen(
                [sys.executable, "-c", SHELL],
                cwd=BASE_DIR,
                env=self.environment | {"DJANGO_SETTINGS_MODULE": "robotsim_project.settings"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(json.dumps(text) + "\n")
        self._shell.stdin.flush()
        printed, error = json.loads(self._shell.stdout.readline())
        assert not error, error
        return str(printed).strip()

    def call(self, function: str, *values: Any) -> Any:
        """Call a function, given by its dotted name, with Django set up; values and result are JSON."""
        module, _dot, name = function.rpartition(".")
        code = f"import json\nfrom {module} import {name}\n"
        return json.loads(self.python(f"{code}print(json.dumps({name}(*{values!r})))"))

    def token(self, role: str = "admin") -> str:
        """Create a user and return an access token."""
        return self.python(
            "from accounts.models import User\n"
            "from accounts.services.bearers import issue_access\n"
            f"user = User.objects.create_user('{role}@example.com', 'long-enough-7', role='{role}')\n"
            "print(issue_access(user)[0])\n"
        )

    def end_processes(self) -> None:
        for process in self.processes:
            process.kill()
        self.processes.clear()

    def end(self) -> None:
        self.end_processes()
        if self._shell is not None:
            self._shell.kill()
            self._shell.communicate()
        for service in (self.s3, self.redis, self.postgres):
            service.stop()

    def _add(self, process: Process) -> Process:
        self.processes.append(process)
        return process

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}-{next(self._log_numbers)}.log"


@contextmanager
def a_world(*, durable: bool = False, s3: Callable[[Path], S3] = S3) -> Iterator[World]:
    """Create a system whose services are not started yet; durable ones survive kill -9."""
    folder = Path(tempfile.mkdtemp(prefix="world-", dir=os.environ.get("ROBOTSIM_TEST_FOLDER")))
    folder.chmod(0o711)  # the database's user passes through
    world = World(folder, durable=durable, s3=s3)
    try:
        yield world
    finally:
        world.end()
        shutil.rmtree(folder, ignore_errors=True)
