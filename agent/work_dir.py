"""The work folder of a unit: lock, log and exit report."""

import fcntl
import logging
import os
import shutil
import tempfile
from pathlib import Path

import msgspec

from agent.protocol import ExitReport, encode

MAX_LOG_BYTES = 64 * 1024


class AlreadyRunning(Exception):  # noqa: N818 - not an error
    """Another process of this unit is running."""


class WorkDir:
    """The folder, locked by this process.

    Raises:
        AlreadyRunning: Another process holds the lock.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # Open until the process ends, however it ends: the kernel then releases the lock.
        self._lock = (folder / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise AlreadyRunning from error
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()
        self._exit = folder / "exit.json"
        self._exit.unlink(missing_ok=True)
        self._use_for_temporary_files()

    def _use_for_temporary_files(self) -> None:
        """Keep temporary files here, as nothing else may be writable in a container."""
        temporary = self.folder / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)  # of a killed attempt
        temporary.mkdir(exist_ok=True)
        tempfile.tempdir = os.environ["TMPDIR"] = str(temporary)

    def write_exit(self, report: ExitReport) -> None:
        """Write `exit.json` atomically."""
        part = self._exit.with_suffix(".part")
        part.write_bytes(encode(report))
        part.replace(self._exit)


class JsonLines(logging.Formatter):
    """Formatter of one JSON object per line, ASCII only: positions in characters are positions in bytes."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{record.msecs:03.0f}",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode().encode("ascii", "backslashreplace").decode()


class UnitLog:
    """The log of this attempt, appended to `unit.log`; positions count from the start of the attempt."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "unit.log"
        handler = logging.FileHandler(self._path, encoding="ascii")
        handler.setFormatter(JsonLines())
        self._start = self._path.stat().st_size
        root = logging.getLogger()
        root.addHandler(handler)
        # The log of its container, which is all there is of a unit that never reached the server.
        root.addHandler(console := logging.StreamHandler())
        console.setFormatter(handler.formatter)
        root.setLevel(logging.INFO)

    def read(self, offset: int) -> str:
        """Read up to 64 KiB of the log from an offset in characters."""
        with self._path.open("rb") as file:
            file.seek(self._start + offset)
            return file.read(MAX_LOG_BYTES).decode("ascii")
