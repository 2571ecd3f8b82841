"""A running system for the browser, whose processes can be stopped and started."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from launcher.stack import WEB_OPTIONS
from simulations.tests.processes import kill_all, unit_processes
from tests.support.ports import free_port
from tests.support.world import Process, Served, World

PACKAGE = "tests.console"
PASSWORD = "console-tests-7"  # noqa: S105
QUICK = {
    "ENVIRONMENT": "test",
    "MINIO_ENDPOINT": "",
    "RELEASE_LEAD_SECONDS": "1",
    "HEARTBEAT_SECONDS": "0.5",
    "AGENTS_PER_UNIT": "2",
    "LOG_LEVEL": "ERROR",
    "REQUEST_LOG_LEVEL": "ERROR",
}


class ConsoleSystem:
    """The processes of `make run`, on PostgreSQL; none but the web server is started unasked."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.world.environment |= {**QUICK, "SERVER_URL": self.url, "PYTHONUNBUFFERED": "1"}
        web = ["-m", "uvicorn", "robotsim_project.asgi:application", "--port", str(port)]
        worker = [
            "manage.py",
            "run_worker",
            "--interval",
            "0.2",
            "--no-startup-delay",
            "--no-reload",
        ]
        self._commands = {
            "web": [*web, "--log-level", "warning", *WEB_OPTIONS],
            "controller": ["manage.py", "run_controller"],
            "worker": worker,
        }
        self._running: dict[str, Process] = {}

    def start_services(self) -> None:
        """Start PostgreSQL and Redis, and create the tables."""
        self.world.redis.start()
        self.world.postgres.start()
        self.world.python(
            "from django.core.management import call_command\n"
            "call_command('migrate', interactive=False, verbosity=0)\n"
        )

    def start(self, *names: str) -> None:
        """Start processes: `web`, `controller`, `worker`; wait until the web server answers."""
        for name in names:
            process = Served(self._commands[name], self.world.environment, self.log(name))
            process.url = self.url
            self._running[name] = process
            self.world.processes.append(process)
            if name == "web":
                process.until_answers("/health/live", 200)

    def kill(self, *names: str) -> None:
        """Kill processes as the machine would; units go on."""
        for name in names:
            self._running.pop(name).kill()

    def restart(self, *names: str) -> None:
        self.kill(*names)
        self.start(*names)

    def log(self, name: str) -> Path:
        return self.world.folder / f"{name}.log"

    def call(self, function: str, *values: Any) -> Any:
        """Call a function of a module of this package in a process of Django; values and result are JSON."""
        return self.world.call(f"{PACKAGE}.{function}", *values)

    def end(self) -> None:
        self.world.end_processes()
        kill_all(unit_processes(self.world.folder / "data"))
        self.world.end()


@contextmanager
def a_console(
    *names: str, prepare: Callable[[ConsoleSystem], None] | None = None
) -> Iterator[ConsoleSystem]:
    """Start a system with these processes, after `prepare` has filled its database."""
    folder = Path(tempfile.mkdtemp(prefix="console-"))
    folder.chmod(0o711)  # the database's user passes through
    system = ConsoleSystem(folder)
    try:
        system.start_services()
        if prepare is not None:
            prepare(system)
        system.start(*names)
        yield system
    finally:
        system.end()
        shutil.rmtree(folder, ignore_errors=True)
