"""Processes of this system: each says in Redis that it is there, and which version it runs."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec
from django.conf import settings
from django.utils import timezone

from simulations.exceptions import RedisUnreachableError
from simulations.live import system

REPORT_SECONDS = 5.0
GONE_SECONDS = 20.0
"""Silence after which a process counts as ended."""


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process; times are seconds since the epoch by its own clock."""

    kind: str
    """`server`, `controller` or `worker`."""
    host: str
    pid: int
    version: str
    started_at: float
    seen_at: float

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.host}:{self.pid}"


def start(kind: str) -> None:
    """Report this process from a thread for as long as it lives."""
    _start(_this_process(kind), threading.Event())


@contextmanager
def reported(kind: str) -> Iterator[None]:
    """Report this process until the context ends."""
    process, over = _this_process(kind), threading.Event()
    thread = _start(process, over)
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(RedisUnreachableError):
            system.remove_processes([process.name])


def processes() -> list[Process]:
    """Return the processes seen lately, and forget the others.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    limit = timezone.now().timestamp() - GONE_SECONDS
    rows: list[Process] = []
    gone: list[str] = []
    for name, value in system.recorded_processes().items():
        process = _decode(value)
        if process is None or process.seen_at < limit:
            gone.append(name)
        else:
            rows.append(process)
    system.remove_processes(gone)
    return sorted(rows, key=lambda row: (row.kind, row.host, row.pid))


def _decode(value: bytes) -> Process | None:
    with suppress(msgspec.MsgspecError):  # written by another version
        return msgspec.json.decode(value, type=Process)
    return None


def _this_process(kind: str) -> Process:
    now = timezone.now().timestamp()
    host, pid = socket.gethostname(), os.getpid()
    version = settings.VERSION
    return Process(kind=kind, host=host, pid=pid, version=version, started_at=now, seen_at=now)


def _start(process: Process, over: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=_report, args=(process, over), name="presence", daemon=True)
    thread.start()
    return thread


def _report(process: Process, over: threading.Event) -> None:
    while not over.is_set():
        seen = msgspec.structs.replace(process, seen_at=timezone.now().timestamp())
        with suppress(RedisUnreachableError):
            system.record_process(process.name, msgspec.json.encode(seen))
        over.wait(REPORT_SECONDS)
