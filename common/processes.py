"""Processes: files that only their user reads, children that end with the parent, terminate, then kill."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

PRIVATE_UMASK = 0o077
"""For all that serve or keep data: database, journal, append-only file, rosbags, logs, backups."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn` that has the kernel signal the child when its parent dies, even by kill -9.

    To the kernel the parent is the thread that starts the child: start children from the main thread.

    Returns:
        None on systems other than Linux.
    """
    libc = _LIBC
    if libc is None:
        return None
    parent = os.getpid()

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # the parent died in between: no signal will come
            os._exit(1)

    return before_exec


def terminate(
    processes: Iterable[subprocess.Popen[bytes]],
    *,
    first: signal.Signals = signal.SIGTERM,
    timeout: float = 7.0,
) -> None:
    """Signal all processes, then kill those that still run after `timeout` seconds in all."""
    running = [process for process in processes if process.poll() is None]
    for process in running:
        with suppress(ProcessLookupError):
            process.send_signal(first)
    deadline = time.monotonic() + timeout
    for process in running:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()
