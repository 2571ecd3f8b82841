"""The processes of one stack on this machine: Redis, web server, controller, worker, router and jobs."""

import importlib.util
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
from launcher.data_folder import Address, DataFolder, LaunchError, free_port
from launcher.redis_server import RedisUnavailableError, redis_answers, redis_command
from launcher.supervisor import Supervisor
from robotsim_project.environment import BASE_DIR, env

_TICK_SECONDS = 0.1
_START_SECONDS = 60.0
# Limits of the steps of a stop, in seconds; ten in all.
_EXECUTIONS_SECONDS = 6.0
_SERVICES_SECONDS = 2.0
_REDIS_SECONDS = 1.5
ROUTER_PORT = 7447
"""Default port of zenoh routers; the next free one is used."""
WEB_OPTIONS = [
    *("--no-access-log", "--timeout-graceful-shutdown", "1", "--lifespan", "off"),
    *("--ws", "none"),  # else Django fails on each attempt, with a traceback in the log
    # Otherwise uvicorn takes the client's address from a header that any local process may set, and
    # attempts to guess passwords are never locked out; TRUSTED_PROXIES names the proxies to trust.
    "--no-proxy-headers",
]

MessageCallback = Callable[[str], None]


class Stack:
    """Redis, web server, controller and worker of one data folder, and jobs that speak to them."""

    def __init__(self, folder: DataFolder, address: Address, notify: MessageCallback) -> None:
        self._folder = folder
        self._address = address
        self._notify = notify
        self._job: subprocess.Popen[bytes] | None = None
        self._stop_executions = False
        lock = folder.lock_descriptor
        keep_open = () if lock is None else (lock,)
        self._supervisor = Supervisor(folder.logs, self._environment(), keep_open=keep_open)

    @classmethod
    def new(
        cls, folder: DataFolder, port: int, notify: MessageCallback, *, serving: bool
    ) -> "Stack":
        """Create a stack on this port or the next free one; `notify` gets messages about its processes.

        Raises:
            LaunchError: There is no free port.
        """
        redis = "" if env.str("REDIS_URL", "") else f"unix://{folder.redis_socket}"
        url = f"http://127.0.0.1:{free_port(port)}"
        return cls(folder, Address(os.getpid(), serving, url, redis), notify)

    @property
    def url(self) -> str:
        """URL of the web server."""
        return self._address.url

    def start_redis(self) -> None:
        """Start a Redis server and wait for it, unless REDIS_URL names one.

        Raises:
            LaunchError: No Redis server is installed, or it does not start.
        """
        if not self._address.redis:
            return
        data = self._folder.data_dir / "redis"
        data.mkdir(mode=0o700, exist_ok=True)
        sock = self._folder.redis_socket
        try:
            self._supervisor.add("redis", redis_command(data, sock, durable=True))
        except RedisUnavailableError as error:
            raise LaunchError(str(error)) from error
        self._wait("Redis", "redis", lambda: redis_answers(sock))

    def start_services(self) -> None:
        """Start web server, controller and worker, and wait until the server answers.

        Raises:
            LaunchError: It does not; the message names its log.
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
        self._stop_executions = self._address.serving
        self._folder.announce(self._address)

    def add_router(self) -> str:
        """Start a zenoh router on a free loopback port.

        Returns:
            Its endpoint.

        Raises:
            LaunchError: It does not start.
        """
        port = free_port(ROUTER_PORT)
        command = [sys.executable, "-m", "launcher.zenoh_router", str(port)]
        self._supervisor.add(f"zenoh-router-{port}", command)
        self._wait("The zenoh router", f"zenoh-router-{port}", lambda: _listens(port))
        return f"tcp/127.0.0.1:{port}"

    def add_ros2_node(self) -> None:
        """Start a ROS 2 node, which agents find on this machine.

        Raises:
            LaunchError: ROS 2 is not installed, or the node does not start.
        """
        if importlib.util.find_spec("rclpy") is None:
            raise LaunchError(
                "ROS 2 is not installed: run `make demo TRANSPORT=ros2`, which installs it, "
                "or `pip install -r requirements-ros2.txt`."
            )
        self._supervisor.add("ros2-node", [sys.executable, "-m", "launcher.ros2_node"])

    def job(self, module: str, *args: str, extra: Mapping[str, str] | None = None) -> int:
        """Run a module in the foreground while keeping the services running.

        Returns:
            Its exit code.
        """
        self._job = self._supervisor.spawn(job_command(module, *args), extra=extra)
        while (code := self._job.poll()) is None:
            self._tick()
        self._job = None
        return code

    def serve(self) -> None:
        """Keep the services running until a signal arrives."""
        while True:
            self._tick()

    def stop(self, received: signal.Signals) -> None:
        """End all processes of the stack within ten seconds; recordings are kept.

        Args:
            received: The signal that ended the launcher, which stopped executions tell.
        """
        if self._job is not None:  # a job stops its own execution
            terminate([self._job], first=received, timeout=_EXECUTIONS_SECONDS)
            self._job = None
        elif self._stop_executions:
            command = job_command("shutdown", received.name)
            wait_or_kill(self._supervisor.spawn(command), _EXECUTIONS_SECONDS)
        self._stop_executions = False
        names = frozenset(child.name for child in self._supervisor.children) - {"redis"}
        self._supervisor.stop(names, patience=_SERVICES_SECONDS)
        self._supervisor.stop(patience=_REDIS_SECONDS)

    def _environment(self) -> dict[str, str]:
        variables = {
            "DJANGO_SETTINGS_MODULE": "robotsim_project.settings",
            "DATA_DIR": str(self._folder.data_dir),
            "SERVER_URL": self.url,
            "PYTHONUNBUFFERED": "1",
        }
        if self._address.redis:
            variables["REDIS_URL"] = self._address.redis
        return {**os.environ, **variables}

    def _tick(self) -> None:
        for message in self._supervisor.tick():
            self._notify(message)
        time.sleep(_TICK_SECONDS)

    def _wait(self, title: str, name: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not is_ready():
            if time.monotonic() > deadline:
                log = self._folder.logs / f"{name}.log"
                raise LaunchError(f"{title} does not start; the reason is at the end of {log}.")
            self._tick()


def job_command(module: str, *args: str) -> list[str]:
    """Return the command that runs a job of this package."""
    return [sys.executable, "-m", "launcher.jobs", module, *args]


def wait_or_kill(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a process, and kill it after the given time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        terminate([process], first=signal.SIGKILL)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310  a constant scheme and host
            return True
    except OSError:  # HTTPError is one
        return False
