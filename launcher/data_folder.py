"""The data folder of a stack: who may use it, and where the running one answers."""

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

_OLD_CHILDREN_SECONDS = 12.0
_PORTS_TO_TRY = 100


class LaunchError(Exception):
    """It cannot start; the sentence says what to do."""


@dataclass(frozen=True)
class Address:
    """Where a running stack is found; written to stack.json, never a secret."""

    pid: int
    serving: bool
    """Whether it serves until it is told to end (`run`), or ends by itself (`demo`)."""
    url: str
    redis: str
    """Its own Redis; empty when REDIS_URL of the environment is used."""


class Place:
    """The data folder: lock, logs, socket and stack.json."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.logs = data_dir / "logs"
        self.redis_socket = private_socket(data_dir, "redis.sock")
        self._stack_file = data_dir / "stack.json"
        self._lock: int | None = None

    @property
    def lock(self) -> int | None:
        """The descriptor of the lock, if we hold it; children keep it open: it falls with the last."""
        return self._lock

    def take(self) -> bool:
        """Lock the folder for this process; False when a running stack has it.

        Processes of a stack whose launcher was killed are given a moment to end.

        Raises:
            LaunchError: the folder cannot be used.
        """
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.logs.mkdir(exist_ok=True, mode=0o700)
            self._prepare_socket_folder()
            lock = os.open(self.data_dir / "run.lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            message = f"The data folder {self.data_dir} cannot be used ({error}): set DATA_DIR."
            raise LaunchError(message) from error
        deadline = time.monotonic() + _OLD_CHILDREN_SECONDS
        while not _locked(lock):
            if _alive(_holder(lock)) or time.monotonic() > deadline:
                os.close(lock)
                return False
            time.sleep(0.1)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock
        self._stack_file.unlink(missing_ok=True)
        return True

    def release(self) -> None:
        """Give the folder free."""
        if self._lock is not None:
            self._stack_file.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def announce(self, address: Address) -> None:
        """Write down where this stack answers, for others on this machine."""
        made = self._stack_file.with_suffix(".tmp")
        made.write_text(json.dumps(asdict(address)) + "\n")
        made.chmod(0o600)
        made.replace(self._stack_file)

    def running(self) -> Address | None:
        """Where the running stack answers; None while it starts."""
        try:
            return Address(**json.loads(self._stack_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _prepare_socket_folder(self) -> None:
        folder = self.redis_socket.parent
        if folder == self.data_dir:
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700  # noqa: PLR2004
        if not private or found.st_uid != os.getuid():
            message = (
                f"{folder} belongs to somebody else: set DATA_DIR to a folder with a shorter name."
            )
            raise LaunchError(message)


def free_port(wanted: int) -> int:
    """The wanted loopback port, or the next free one.

    Raises:
        LaunchError: none of the next hundred is free.
    """
    for port in range(wanted, min(wanted + _PORTS_TO_TRY, 65536)):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise LaunchError(f"No port from {wanted} on is free: choose another one, such as PORT=9000.")


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: int) -> int:
    text = os.pread(lock, 32, 0).decode(errors="replace").strip()
    return int(text) if text.isdigit() else 0


def _alive(pid: int) -> bool:
    if pid <= 0:
        return True  # not written yet: it has just started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
