"""Verifies and rescues bags of strangers in a child process, with limits on memory, time and files.

A small bag that takes long is ended; a large one may take its time as long as it comes forward (see
docs/decisions/0023). Whatever happens to the child, the answer is an outcome.
"""

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import psutil

from rosbag2.budget import most_unpacked
from rosbag2.checks.verdict import Verdict, from_json, rejected
from rosbag2.errors import BagError
from rosbag2.recovery.repair import is_taken

_ROOT = str(Path(__file__).parents[2])
_PROGRAM = (
    f"import sys; sys.path.insert(0, {_ROOT!r}); from rosbag2.sandbox.worker import main; main()"
)
_MOST_OUTPUT = 256 * 2**20
_POLL_SECONDS = 0.2
_OPEN_FILES = 512
_GOODBYE_SECONDS = 5.0
_DONE = {"unpack": "ready"}
"""The outcome with which a verb leaves something in its target, where it is not `repaired`."""


@dataclass(frozen=True)
class Limits:
    """What a check may cost.

    memory_bytes: address space of the child. grace_seconds: processor time that every bag may take;
    pace_bytes: after that, bytes of data that it has to handle in each second of it. silent_seconds: time
    without any progress; longest_seconds: time in all.
    """

    memory_bytes: int = 512 * 2**20
    grace_seconds: float = 8.0
    pace_bytes: int = 8 * 2**20
    silent_seconds: float = 60.0
    longest_seconds: float = 6 * 3600.0


def verify(folder: Path, limits: Limits | None = None, **options: Any) -> Verdict:
    """As `verify.verify`; `options` are those of `run`."""
    return run("verify", folder, None, limits, **options)


def rescue(source: Path, target: Path, limits: Limits | None = None, **options: Any) -> Verdict:
    """As `rescue.rescue`; `options` are those of `run`."""
    return run("rescue", source, target, limits, **options)


def judge(source: Path, target: Path, limits: Limits | None = None, **options: Any) -> Verdict:
    """As `rescue.judge`; `options` are those of `run`."""
    return run("judge", source, target, limits, **options)


def unpack(source: Path, target: Path, limits: Limits | None = None, **options: Any) -> Verdict:
    """As `archive.unpack`; `options` are those of `run`."""
    return run("unpack", source, target, limits, **options)


def run(
    verb: str,
    source: Path,
    target: Path | None,
    limits: Limits | None = None,
    *,
    scratch: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Verdict:
    """Carry out one verb in a child process.

    Args:
        verb: `verify`, `rescue`, `judge` or `unpack`.
        source: the bag, or the archive.
        target: where a repaired bag is written, or an archive unpacked; it is gone unless that was done.
        limits: None for the usual ones.
        scratch: a folder for unpacked copies; what is put there is removed.
        on_progress: called with the bytes of data handled so far.
    """
    if target is not None and is_taken(target):
        return rejected(BagError("BAG_EXISTS", file=target.name))
    limits = limits or Limits()
    with TemporaryDirectory(prefix="robotsim-check-", dir=scratch or gettempdir()) as private:
        task = {
            "verb": verb,
            "source": str(source.absolute()),
            "target": str(target.absolute()) if target else "",
            "scratch": private,
            "memory_bytes": limits.memory_bytes,
            "file_bytes": 2 * most_unpacked(_size(source)),
            "open_files": _OPEN_FILES,
            "cpu_seconds": int(limits.longest_seconds),
        }
        verdict = _Child(task, limits, on_progress).verdict()
    if target is not None and verdict.status != _DONE.get(verb, "repaired"):
        shutil.rmtree(target, ignore_errors=True)
    return verdict


def _size(source: Path) -> int:
    paths = [source] if source.is_file() else source.rglob("*")
    return sum(path.stat().st_size for path in paths if path.is_file() and not path.is_symlink())


@dataclass
class _Child:
    task: dict[str, Any]
    limits: Limits
    on_progress: Callable[[int], None] | None
    done: int = 0
    started: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    waiting: bytes = b""
    answer: dict[str, Any] | None = None

    def verdict(self) -> Verdict:
        """The outcome; the child is gone afterwards."""
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-X", "utf8", "-c", _PROGRAM, json.dumps(self.task)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"OPENBLAS_NUM_THREADS": "1", "PATH": os.environ.get("PATH", "")},
        )
        try:
            too_slow = self._listen(process)
            if too_slow is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_GOODBYE_SECONDS)
        finally:
            process.kill()
            code = process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        return too_slow or self._outcome(code)

    def _listen(self, process: "subprocess.Popen[bytes]") -> Verdict | None:
        """Read what the child says until it ends; an outcome when it has to be ended."""
        watched = psutil.Process(process.pid)
        if process.stdout is None:
            return None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if selector.select(_POLL_SECONDS):
                    data = os.read(process.stdout.fileno(), 2**20)
                    if not data or not self._take(data):
                        return None
                if self._over(watched):
                    seconds = round(time.monotonic() - self.started)
                    return rejected(BagError("CHECK_TOO_SLOW", seconds=seconds))

    def _take(self, data: bytes) -> bool:
        """Note what the child says; False when it says more than any outcome needs."""
        *lines, self.waiting = (self.waiting + data).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "done" in said:
                self._progress(said["done"])
            else:
                self.answer = said
        return len(self.waiting) < _MOST_OUTPUT

    def _progress(self, done: int) -> None:
        if done > self.done:
            self.done = done
            self.heard = time.monotonic()
            if self.on_progress is not None:
                self.on_progress(done)

    def _over(self, watched: psutil.Process) -> bool:
        """Whether the child has had its time."""
        now = time.monotonic()
        if now - self.heard > self.limits.silent_seconds:
            return True
        if now - self.started > self.limits.longest_seconds:
            return True
        used = 0.0
        with contextlib.suppress(psutil.Error):
            times = watched.cpu_times()
            used = times.user + times.system
        return used > self.limits.grace_seconds + self.done / self.limits.pace_bytes

    def _outcome(self, code: int) -> Verdict:
        if self.answer is not None and "verdict" in self.answer:
            return from_json(self.answer["verdict"])
        failed = (self.answer or {}).get("failed", "")
        if failed == "memory" or (not failed and code == -signal.SIGKILL):
            megabytes = self.limits.memory_bytes // 2**20
            return rejected(BagError("CHECK_TOO_LARGE", megabytes=megabytes))
        reason = failed or f"the process ended with {code}"
        return rejected(BagError("CHECK_BROKE_OFF", reason=reason))
