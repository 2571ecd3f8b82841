"""The processes of a whole system, and the units that it starts."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from django.conf import settings


class System:
    """Controller, worker and servers as processes, besides the test's own server."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self._children: list[subprocess.Popen[bytes]] = []

    def set(self, name: str, value: str) -> None:
        """Set an environment variable of processes that are started later."""
        self._environment[name] = value

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return self._run("manage.py", *arguments)

    def server(self, port: int) -> subprocess.Popen[bytes]:
        """Start a server that may be killed; units and controllers started later use it."""
        self._environment["SERVER_URL"] = f"http://127.0.0.1:{port}"
        app = "robotsim_project.asgi:application"
        return self._run("-m", "uvicorn", app, "--port", str(port))

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=settings.BASE_DIR,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        self._children.append(child)
        return child

    def controller(self) -> subprocess.Popen[bytes]:
        return self.start("run_controller")

    def end(self) -> None:
        for child in self._children:
            child.send_signal(signal.SIGKILL)
            child.wait()


def unit_processes(data_dir: Path) -> list[int]:
    """Return the process ids of the units of a data folder."""
    pids = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            environ = (entry / "environ").read_bytes()
        except OSError:
            continue
        if f"ROBOTSIM_WORK_DIR={data_dir}".encode() in environ and state != "Z":
            pids.append(int(entry.name))
    return pids


def kill_all(pids: Iterable[int]) -> bool:
    """Kill processes; return whether any of them still ran."""
    killed = False
    for pid in pids:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, signal.SIGKILL)
            killed = True
    return killed
