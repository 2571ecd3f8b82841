"""The embedded default as a user runs it, `python -m launcher run`: SQLite, a folder, a Redis of its own."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree

import psutil

from launcher.data_folder import DataFolder
from simulations.tests.processes import kill_all, unit_processes
from tests.support.parts import Part
from tests.support.ports import free_port
from tests.support.world import Process, World, until

CHILDREN = {
    "web": "uvicorn",
    "controller": "run_controller",
    "worker": "run_worker",
    "redis": "redis-server",
}
"""Parts that the launcher restarts, and a word of their commands."""


DEMO_SECONDS = 240


class Child(Part):
    """A process that the launcher keeps running."""

    def __init__(self, name: str, launcher: Part) -> None:
        super().__init__(name, lambda: None, lambda: 0, lambda: None)
        self._launcher = launcher

    def tree(self) -> list[psutil.Process]:
        found = []
        for process in self._launcher.tree():
            with suppress(psutil.Error):
                if any(CHILDREN[self.name] in word for word in process.cmdline()):
                    found.append(process)
        return found


class Launcher(Part):
    """The launcher alone: its children hear of its end from the kernel."""

    def kill(self) -> None:
        os.kill(self._pid(), signal.SIGKILL)
        self._forget()


class Embedded:
    """A launcher and its children as the parts of an installation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._data = world.folder / "data"
        url = f"http://127.0.0.1:{free_port()}"
        self.url = url
        world.environment |= {
            "ENVIRONMENT": "development",
            "DATABASE_URL": f"sqlite:///{self._data}/robotsim.sqlite3",
            "REDIS_URL": "",
            "MINIO_ENDPOINT": "",
            "PORT": url.rpartition(":")[2],
            "SERVER_URL": url,
        }
        self._launched: Process | None = None
        launcher = Launcher("launcher", self._launch_again, self._pid, self._wait)
        children = {name: Child(name, launcher) for name in CHILDREN}
        self.parts: dict[str, Part] = {"launcher": launcher, **children}

    def _launch(self) -> None:
        environment = self.world.environment | {"REDIS_URL": ""}
        log = self.world.folder / "launcher.log"
        self._launched = Process(["-m", "launcher", "run"], environment, log)
        self.world.processes.append(self._launched)

    def _launch_again(self) -> None:
        """Launch until the data folder is locked; children of the last launcher may still be ending."""
        lock = self._data / "run.lock"
        self._launch()
        while lock.read_text() != str(self._pid()):
            if self._launched and not self._launched.alive:
                self._launch()
            time.sleep(0.1)

    def _pid(self) -> int:
        return self._launched.popen.pid if self._launched else 0

    def _wait(self) -> None:
        if self._launched:
            self._launched.popen.wait()

    def start(self) -> None:
        """Start everything; the first time a demo is run."""
        self._launch()
        launched = self._launched
        assert launched is not None
        until(lambda: "Ctrl-C" in launched.words, lambda: launched.words, seconds=DEMO_SECONDS)
        socket = DataFolder(self._data).redis_socket
        self.world.environment["REDIS_URL"] = f"unix://{socket}"

    def units(self) -> list[int]:
        return unit_processes(self._data)

    def end(self) -> None:
        if self._launched and self._launched.alive:
            self._launched.terminate()
            with suppress(AssertionError):
                self._launched.wait()
        self.world.end_processes()
        kill_all(self.units())


@contextmanager
def an_embedded_one(**environment: str) -> Iterator[Embedded]:
    """Start the embedded installation."""
    folder = Path(tempfile.mkdtemp(prefix="world-"))
    world = World(folder)
    more = {"RELEASE_LEAD_SECONDS": "1", "AGENTS_PER_UNIT": "2", "TMPDIR": str(folder)}
    world.environment |= more | environment
    embedded = Embedded(world)
    try:
        embedded.start()
        yield embedded
    finally:
        embedded.end()
        world.end()
        rmtree(folder, ignore_errors=True)
