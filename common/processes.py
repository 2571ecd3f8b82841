"""Starting and ending the processes that belong to us."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What a child runs before its program, so that the kernel signals it when its parent dies by kill -9.

    It needs Linux; elsewhere None is returned. The parent is the thread that starts the child, so start
    children from the main thread.
    """
    libc = _LIBC
    if libc is None:
        return None
    parent = os.getpid()

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died in between: no signal will come
            os._exit(1)

    return before_exec


def end(
    processes: Iterable[subprocess.Popen[bytes]],
    *,
    first: signal.Signals = signal.SIGTERM,
    patience: float = 7.0,
) -> None:
    """Ask all processes to end, then kill those that have not after `patience` seconds in all."""
    asked = [process for process in processes if process.poll() is None]
    for process in asked:
        with suppress(ProcessLookupError):
            process.send_signal(first)
    deadline = time.monotonic() + patience
    for process in asked:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in asked:
        if process.poll() is None:
            process.kill()
            process.wait()
