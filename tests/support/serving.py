"""A real server in a separate process, on the database of a test."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from robotsim_project.environment import BASE_DIR
from simulations.tests.processes import kill_all, unit_processes
from tests.support.ports import free_port


class Server:
    """Run uvicorn with the whole application during a `with` block."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._environment = {**environment, "SERVER_URL": self.url}
        self._log = log

    def __enter__(self) -> "Server":
        port = self.url.rpartition(":")[2]
        app = "robotsim_project.asgi:application"
        self._process = self._start("-m", "uvicorn", app, "--port", port, "--log-level", "warning")
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, self.log_tail()
            assert time.monotonic() < deadline, self.log_tail()
            time.sleep(0.1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def beside(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a command of manage.py as a process in the server's environment."""
        return self._start("manage.py", *command)

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *words],
                cwd=BASE_DIR,
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def get(self, path: str, token: str) -> Any:
        """Read JSON from a URL."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(f"{self.url}{path}", headers=headers, timeout=60)
        assert answer.is_success, answer.text
        return answer.json()

    def log_tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-40:])

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url, timeout=5).is_success
        except httpx.TransportError:
            return False


@contextmanager
def stack(environment: dict[str, str], log: Path) -> Iterator[Server]:
    """Run a server, a worker and a controller; units are ended with them."""
    quick = {"RELEASE_LEAD_SECONDS": "1", "HEARTBEAT_SECONDS": "0.3", "LOG_LEVEL": "ERROR"}
    with Server({**environment, **quick}, log) as server:
        worker = ["run_worker", "--interval", "0.2", "--no-startup-delay", "--no-reload"]
        children = [server.beside(worker), server.beside(["run_controller"])]
        try:
            yield server
        finally:
            for child in children:
                child.kill()
                child.wait()
            kill_all(unit_processes(Path(environment["DATA_DIR"])))
