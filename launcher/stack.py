"""The processes of one stack on this machine, from the first to the last."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing

from common.processes import terminate
from launcher.data_folder import Address, LaunchError, Place, free_port
from launcher.redis_server import RedisUnavailableError, redis_answers, redis_command
from launcher.supervisor import Supervisor
from robotsim_project.environment import BASE_DIR, env

_TICK_SECONDS = 0.1
_START_SECONDS = 60.0
# What a stop may take, in seconds; ten in all.
_WIND_DOWN_SECONDS = 6.0
_SERVICES_SECONDS = 2.0
_REDIS_SECONDS = 1.5
ROUTER_PORT = 7447
"""Where zenoh routers usually listen; the next free one is taken."""
WEB_OPTIONS = [
    *("--no-access-log", "--timeout-graceful-shutdown", "1", "--lifespan", "off"),
    # Else uvicorn takes the caller's address from a header that anybody here may write, and who tries
    # passwords is never locked out; behind a proxy TRUSTED_PROXIES says whom to believe.
    "--no-proxy-headers",
]

Say = Callable[[str], None]


class Stack:
    """Redis, web server, controller and worker of one data folder, and jobs that speak to them."""

    def __init__(self, place: Place, address: Address, say: Say) -> None:
        self._place = place
        self._address = address
        self._say = say
        self._job: subprocess.Popen[bytes] | None = None
        self._winding_down = False
        held = place.lock
        keep_open = () if held is None else (held,)
        self._supervisor = Supervisor(place.logs, self._environment(), keep_open=keep_open)

    @classmethod
    def new(cls, place: Place, port: int, say: Say, *, serving: bool) -> "Stack":
        """A stack to start, on this port or the next free one; `say` tells what happens to its processes.

        Raises:
            LaunchError: there is no free port.
        """
        redis = "" if env.str("REDIS_URL", "") else f"unix://{place.redis_socket}"
        url = f"http://127.0.0.1:{free_port(port)}"
        return cls(place, Address(os.getpid(), serving, url, redis), say)

    @property
    def url(self) -> str:
        """Address of the web server."""
        return self._address.url

    def start_redis(self) -> None:
        """Start our Redis and wait for it, unless REDIS_URL names another.

        Raises:
            LaunchError: there is none, or it does not start.
        """
        if not self._address.redis:
            return
        folder = self._place.data_dir / "redis"
        folder.mkdir(mode=0o700, exist_ok=True)
        sock = self._place.redis_socket
        try:
            self._supervisor.add("redis", redis_command(folder, sock, durable=True))
        except RedisUnavailableError as error:
            raise LaunchError(str(error)) from error
        self._wait("Redis", "redis", lambda: redis_answers(sock))

    def start_services(self) -> None:
        """Start web server, controller and worker, and wait until the server answers.

        Raises:
            LaunchError: it does not; the sentence names its log.
        """
        python = sys.executable
        host, port = self.url.removeprefix("http://").split(":")
        manage = [python, str(BASE_DIR / "manage.py")]
        web = [python, "-m", "uvicorn", "robotsim_project.asgi:application", "--host", host]
        self._supervisor.add("web", [*web, "--port", port, *WEB_OPTIONS])
        self._supervisor.add("controller", [*manage, "run_controller"])
        worker = ["run_worker", "--interval", "0.2", "--no-startup-delay", "--no-reload"]
        self._supervisor.add("worker", [*manage, *worker])
        self._wait("The web server", "web", lambda: _healthy(f"{self.url}/health/db"))
        self._winding_down = self._address.serving
        self._place.announce(self._address)

    def add_router(self) -> str:
        """Start a zenoh router on a free loopback port; the answer is its endpoint.

        Raises:
            LaunchError: it does not start.
        """
        port = free_port(ROUTER_PORT)
        command = [sys.executable, "-m", "launcher.zenoh_router", str(port)]
        self._supervisor.add(f"zenoh-router-{port}", command)
        self._wait("The zenoh router", f"zenoh-router-{port}", lambda: _listens(port))
        return f"tcp/127.0.0.1:{port}"

    def job(self, module: str, *words: str, extra: Mapping[str, str] | None = None) -> int:
        """Run a module in the foreground, the services being kept running; the answer is its exit code."""
        self._job = self._supervisor.spawn(job_command(module, *words), extra=extra)
        while (code := self._job.poll()) is None:
            self._tick()
        self._job = None
        return code

    def serve(self) -> None:
        """Keep the services running until a signal comes."""
        while True:
            self._tick()

    def stop(self) -> None:
        """End everything that it started within ten seconds; what was recorded is kept."""
        if self._job is not None:
            terminate(
                [self._job], timeout=_WIND_DOWN_SECONDS
            )  # a job stops the runs that it is about
            self._job = None
        elif self._winding_down:
            end_after(self._supervisor.spawn(job_command("shutdown")), _WIND_DOWN_SECONDS)
        self._winding_down = False
        names = frozenset(each.name for each in self._supervisor.children) - {"redis"}
        self._supervisor.stop(names, patience=_SERVICES_SECONDS)
        self._supervisor.stop(patience=_REDIS_SECONDS)

    def _environment(self) -> dict[str, str]:
        own = {
            "DJANGO_SETTINGS_MODULE": "robotsim_project.settings",
            "DATA_DIR": str(self._place.data_dir),
            "SERVER_URL": self.url,
            "PYTHONUNBUFFERED": "1",
        }
        if self._address.redis:
            own["REDIS_URL"] = self._address.redis
        return {**os.environ, **own}

    def _tick(self) -> None:
        for note in self._supervisor.tick():
            self._say(note)
        time.sleep(_TICK_SECONDS)

    def _wait(self, what: str, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                log = self._place.logs / f"{name}.log"
                raise LaunchError(f"{what} does not start; the reason is at the end of {log}.")
            self._tick()


def job_command(module: str, *words: str) -> list[str]:
    """The command that runs one of the jobs beside this module."""
    return [sys.executable, "-m", "launcher.jobs", module, *words]


def end_after(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a process, and kill it when it takes longer."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        terminate([process], first=signal.SIGKILL)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310  our own address
            return True
    except OSError:  # HTTPError is one
        return False
