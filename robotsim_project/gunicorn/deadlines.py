"""Time limits of reads that block a thread: a client that sends too slowly is cut off.

A thread says how long it will wait for a socket; the worker's main loop, which goes round once a second,
ends the reads that are overdue. They return what has come, as if the client had sent no more.
"""

import socket
import time
from contextlib import suppress

BYTES_PER_SECOND = 1024
"""Slowest rate of a body that is waited for, after the first `BODY_SECONDS`."""
_deadlines: dict[socket.socket, float] = {}


def watch(sock: socket.socket, seconds: float) -> None:
    """Limit the reads of a socket from now on."""
    _deadlines[sock] = time.monotonic() + seconds


def forget(sock: socket.socket) -> bool:
    """Lift the limit.

    Returns:
        False when the reads were ended meanwhile.
    """
    return _deadlines.pop(sock, None) is not None


def end_overdue() -> None:
    """End the reads whose limit has passed; called by the main loop of a worker."""
    now = time.monotonic()
    for sock, deadline in tuple(_deadlines.items()):
        if deadline < now and forget(sock):
            with suppress(OSError):  # closed meanwhile
                sock.shutdown(socket.SHUT_RD)
