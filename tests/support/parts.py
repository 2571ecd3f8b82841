"""The parts of an installation, each of which can be frozen, or killed and started again."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import psutil

from simulations.tests.processes import kill_all, unit_processes
from tests.support.ports import free_port
from tests.support.world import Process, Served, World, a_world


class Part:
    """A process with its children: `start` starts it, `pid` names it, `forget` is called when it is dead."""

    def __init__(
        self, name: str, start: Callable[[], Any], pid: Callable[[], int], forget: Callable[[], Any]
    ) -> None:
        self.name = name
        self.start = start
        self._pid = pid
        self._forget = forget

    def tree(self) -> list[psutil.Process]:
        """Return the process and all its descendants but units, which outlive the controller."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._pid())
            children = process.children(recursive=True)
            return [process, *(child for child in children if not is_unit(child))]
        return []

    def freeze(self) -> None:
        signal_all(self.tree, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self.tree():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill -9."""
        signal_all(self.tree, signal.SIGKILL)
        self._forget()


def is_unit(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "ROBOTSIM_WORK_DIR" in process.environ()
    return False


def signal_all(tree: Callable[[], list[psutil.Process]], number: signal.Signals) -> None:
    """Signal a process and its children; looked for until no new ones have been started meanwhile."""
    signalled: set[int] = set()
    while new := [process for process in tree() if process.pid not in signalled]:
        for process in new:
            signalled.add(process.pid)
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


class Installation:
    """All parts as in production: PostgreSQL, Redis, S3, gunicorn, controller and worker."""

    def __init__(self, world: World, kind: str = "web", host: str = "127.0.0.1") -> None:
        """Prepare the parts; `kind` is that of the server, `web` or `stream`, and `host` its address."""
        self.world = world
        self._kind = kind
        self._processes: dict[str, Process] = {}
        self._port = str(free_port())
        self.url = f"http://{host}:{self._port}"
        world.environment["SERVER_URL"] = self.url
        services: dict[str, tuple[Any, Callable[[], None]]] = {
            "database": (world.postgres, world.postgres.start),
            "redis": (world.redis, world.redis.start),
            "s3": (world.s3, world.start_s3),
        }
        self.parts = {
            name: Part(name, start, partial(getattr, service, "pid"), service.stop)
            for name, (service, start) in services.items()
        }
        ours = {
            "web": self._serve,
            "controller": partial(world.manage, "run_controller"),
            "worker": partial(world.manage, "run_worker", "--interval", "0.2", "--no-reload"),
        }
        for name, start in ours.items():
            self.parts[name] = Part(
                name,
                partial(self._start, name, start),
                partial(self._pid, name),
                partial(self._wait, name),
            )

    def _serve(self) -> Served:
        application = {"web": "wsgi", "stream": "asgi"}[self._kind]
        return self.world.server(self._kind, application, WEB_PORT=self._port)

    def _start(self, name: str, start: Callable[[], Process]) -> None:
        self._processes[name] = start()

    def _pid(self, name: str) -> int:
        return self._processes[name].popen.pid

    def _wait(self, name: str) -> None:
        self._processes[name].popen.wait()

    def start(self) -> None:
        """Start everything and wait until it is ready."""
        self.world.start()
        for name in ("web", "controller", "worker"):
            self.parts[name].start()
        web = self._processes["web"]
        assert isinstance(web, Served)
        web.until_answers("/health/ready", 200)

    def named(self, name: str) -> list[Part]:
        """Return the part of this name; `all` are all of them, the services first."""
        return list(self.parts.values()) if name == "all" else [self.parts[name]]

    def units(self) -> list[int]:
        """Process ids of all units."""
        return unit_processes(self.world.folder / "data")

    def end(self) -> None:
        for part in self.parts.values():
            part.thaw()
        self.world.end_processes()
        kill_all(self.units())


@contextmanager
def an_installation(kind: str = "web", **environment: str) -> Iterator[Installation]:
    """Start an installation; its services keep their data over kill -9."""
    with a_world(durable=True) as world:
        world.environment |= {"RELEASE_LEAD_SECONDS": "1", "AGENTS_PER_UNIT": "2"} | environment
        installation = Installation(world, kind)
        try:
            installation.start()
            yield installation
        finally:
            installation.end()
