"""The program of the child process: it limits itself, does one job, and reports as `runner` describes.

All limits are the kernel's, so they hold while SQLite or zstd work: memory, files, processor time (which
grows with progress) and time by the clock (an alarm, set anew by progress).
"""

import json
import math
import os
import resource
import signal
import sys
import threading
import time
import traceback
from typing import Any

from rosbag2.budget import MAX_COPIES, Budget

REPORT_SECONDS = 0.1
"""Between two reports of progress."""


def main() -> None:
    """Do the job that stands on standard input."""
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limits = request["limits"]
    _limit_resources(limits)
    budget = Budget(report=_Clock(limits).report, grant=_grant_memory)
    try:
        # Imports count against the limits too.
        from rosbag2.sandbox.jobs import JOBS  # noqa: PLC0415

        for value in JOBS[request["job"]["name"]](request["job"], budget):
            _write(b"=", value)
        _write(b".", None)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must be told
        _write(b"!", _failure(error))


def _failure(error: Exception) -> dict[str, Any]:
    if isinstance(error, MemoryError | RecursionError):
        return {"memory": True}
    if not hasattr(error, "code"):
        traceback.print_exception(error)
        return {"crash": True}
    return {"code": str(error.code), "details": getattr(error, "details", {"reason": str(error)})}


def _limit_resources(limits: dict[str, Any]) -> None:
    memory, more = limits["memory_bytes"], limits["large_bytes"]
    for kind, value, most in (
        (resource.RLIMIT_AS, memory, memory + more),
        (resource.RLIMIT_FSIZE, limits["file_bytes"], limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"], limits["open_files"]),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (_lower(value, hard), _lower(most, hard)))


def _grant_memory(size: int) -> None:
    """Allow the copies of a message of this size, beside all else."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_lower(soft + MAX_COPIES * size, hard), hard))


def _lower(value: int, hard: int) -> int:
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


class _Clock:
    """Time of the processor and by the clock: both are extended by progress."""

    def __init__(self, limits: dict[str, Any]) -> None:
        self.limits = limits
        self.end = time.monotonic() + limits["wall_seconds"]
        self.reported = time.monotonic()
        for number in (signal.SIGALRM, signal.SIGXCPU):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM, signal.SIGXCPU})
        self._extend(0)

    def report(self, done: int) -> None:
        """Report to the parent how many bytes of data were handled, now and then."""
        now = time.monotonic()
        if now - self.reported >= REPORT_SECONDS:
            self.reported = now
            _write(b"~", done)
            self._extend(done)

    def _extend(self, done: int) -> None:
        wall = min(self.limits["silent_seconds"], self.end - time.monotonic())
        signal.setitimer(signal.ITIMER_REAL, max(0.001, wall))
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        seconds = self.limits["cpu_seconds"] + done / self.limits["pace_bytes"]
        resource.setrlimit(resource.RLIMIT_CPU, (_lower(math.ceil(seconds), hard), hard))


def _write(mark: bytes, value: Any) -> None:
    line = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    sys.stdout.buffer.write(mark + line + b"\n")
    sys.stdout.buffer.flush()


def _end_with_parent() -> None:
    """Standard input closes when the parent is gone, however it went."""
    while os.read(0, 1):
        pass
    os._exit(1)
