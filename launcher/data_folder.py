"""The data folder of a stack: its lock, and the address of the running stack."""

import fcntl
import json
import os
import socket
import stat
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from robotsim_project.environment import private_socket

_SHUTDOWN_GRACE_SECONDS = 12.0
_MAX_PORT_TRIES = 100


class LaunchError(Exception):
    """The stack cannot start; the message says what to do."""


@dataclass(frozen=True)
class Address:
    """Address of a running stack; written to stack.json, contains no secret."""

    pid: int
    serving: bool
    """True for `run`, which serves until it is stopped; False for `demo`, which ends by itself."""
    url: str
    redis: str
    """URL of its own Redis; empty when REDIS_URL of the environment is used."""


class DataFolder:
    """The data folder, with lock, logs, socket and stack.json."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.logs = data_dir / "logs"
        self.redis_socket = private_socket(data_dir, "redis.sock")
        self._stack_file = data_dir / "stack.json"
        self._lock: int | None = None

    @property
    def lock_descriptor(self) -> int | None:
        """File descriptor of the lock, if held; children keep it open, so the last one releases it."""
        return self._lock

    def lock(self) -> bool:
        """Lock the folder for this process, after waiting for the children of a killed launcher to end.

        Returns:
            False when a running stack holds the lock.

        Raises:
            LaunchError: The folder cannot be used.
        """
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.logs.mkdir(exist_ok=True, mode=0o700)
            self._prepare_socket_folder()
            lock = os.open(self.data_dir / "run.lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            message = f"The data folder {self.data_dir} cannot be used ({error}): set DATA_DIR."
            raise LaunchError(message) from error
        deadline = time.monotonic() + _SHUTDOWN_GRACE_SECONDS
        while not _try_lock(lock):
            if _is_alive(_holder(lock)) or time.monotonic() > deadline:
                os.close(lock)
                return False
            time.sleep(0.1)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock
        self._stack_file.unlink(missing_ok=True)
        return True

    def release(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._stack_file.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def announce(self, address: Address) -> None:
        """Write the address of this stack, for other processes on this machine."""
        path = self._stack_file.with_suffix(".tmp")
        path.write_text(json.dumps(asdict(address)) + "\n")
        path.chmod(0o600)
        path.replace(self._stack_file)

    def running(self) -> Address | None:
        """Return the address of the running stack; None while it starts."""
        try:
            return Address(**json.loads(self._stack_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _prepare_socket_folder(self) -> None:
        folder = self.redis_socket.parent
        if folder == self.data_dir:
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700  # noqa: PLR2004
        if not private or status.st_uid != os.getuid():
            message = (
                f"{folder} belongs to another user: set DATA_DIR to a folder with a shorter path."
            )
            raise LaunchError(message)


def free_port(preferred: int) -> int:
    """Return the preferred loopback port, or the next free one.

    Raises:
        LaunchError: None of the next hundred is free.
    """
    for port in range(preferred, min(preferred + _MAX_PORT_TRIES, 65536)):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise LaunchError(f"No free port from {preferred} on: choose another one, such as PORT=9000.")


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: int) -> int:
    text = os.pread(lock, 32, 0).decode(errors="replace").strip()
    return int(text) if text.isdigit() else 0


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return True  # not written yet: it has just started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
