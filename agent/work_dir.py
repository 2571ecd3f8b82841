"""The private folder of a unit: its lock, its log, its last word."""

import fcntl
import logging
import os
from pathlib import Path

import msgspec

MOST_LOG = 64 * 1024


class Taken(Exception):  # noqa: N818 - says what is, and is no fault
    """Another process of this unit's name is alive."""


class LastWord(msgspec.Struct, frozen=True):
    """What `exit.json` says of the attempt that ended."""

    attempt: int
    code: int
    failure: str = ""


class WorkDir:
    """The folder while this process owns it. Raises Taken when another does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # Kept open until the process ends, however it ends: the kernel then frees the lock.
        self._lock = (folder / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise Taken from error
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()
        self._exit = folder / "exit.json"
        self._exit.unlink(missing_ok=True)

    def say_last(self, word: LastWord) -> None:
        """Write `exit.json`, whole or not at all."""
        part = self._exit.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(word))
        part.replace(self._exit)


class JsonLines(logging.Formatter):
    """One JSON object per line, ASCII only: positions in characters are positions in bytes."""

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
    """The log of this attempt, appended to `unit.log`; positions count from where the attempt began."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "unit.log"
        handler = logging.FileHandler(self._path, encoding="ascii")
        handler.setFormatter(JsonLines())
        self._start = self._path.stat().st_size
        root = logging.getLogger()
        root.addHandler(handler)
        root.setLevel(logging.INFO)

    def read(self, offset: int) -> str:
        """What was logged from `offset` on, in characters, at most 64 KiB."""
        with self._path.open("rb") as file:
            file.seek(self._start + offset)
            return file.read(MOST_LOG).decode("ascii")
