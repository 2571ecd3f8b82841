"""Jobs on a stranger's bag, done in a process of their own with limits, never in the server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import BoundedSemaphore, Timer
from typing import IO, Any

import structlog
from django.utils.translation import gettext as _

import rosbag2
from storage.choices import sentence
from storage.exceptions import PreviewBusyError, PreviewError

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Previews that one process of the server makes at the same time."""
WAIT_SECONDS = 10.0
SECONDS = 30.0
"""How long a preview may take by the clock; its time on the processor is limited too."""
LONGEST_LINE = 1 << 26
ROOT = Path(rosbag2.__file__).resolve().parent.parent
_places = BoundedSemaphore(AT_ONCE)
_stream_places = BoundedSemaphore(AT_ONCE)

Job = dict[str, Any]


@contextmanager
def _place(places: BoundedSemaphore) -> Iterator[None]:
    if not places.acquire(timeout=WAIT_SECONDS):
        raise PreviewBusyError(_("Many previews are being made just now: try again in a while."))
    try:
        yield
    finally:
        places.release()


def place() -> AbstractContextManager[None]:
    """Wait for one of the few places of previews.

    Raises:
        PreviewBusyError: none became free in time.
    """
    return _place(_places)


def stream_place() -> AbstractContextManager[None]:
    """The same for what is sent while it is made: a slow reader holds up no other preview."""
    return _place(_stream_places)


def lines(job: Job, *, seconds: float = SECONDS) -> Iterator[bytes]:
    """What a job yields, as lines of JSON; closing the iterator ends the process.

    Raises:
        PreviewError: it cannot be done, or was ended by its limits.
    """
    with TemporaryFile() as errors:
        process = _start(job, errors)
        timer = Timer(seconds, process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield from _told(process, errors)
        finally:
            timer.cancel()
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()


def only(job: Job, *, seconds: float = SECONDS) -> Any:
    """The one value that a job yields (PreviewError as `lines`)."""
    return json.loads(list(lines(job, seconds=seconds))[-1])


def _start(job: Job, errors: IO[bytes]) -> "subprocess.Popen[bytes]":
    environment = {
        # One thread: each reserves memory that the limits count.
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        **{name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ},
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "rosbag2.sandbox.preview_worker"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
    )
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.close()
    return process


def _told(process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> Iterator[bytes]:
    out: Any = process.stdout
    while line := out.readline(LONGEST_LINE):
        mark, told = line[:1], line[1:]
        if mark == b"=" and line.endswith(b"\n"):
            yield told
        elif mark == b"!":
            raise _problem(json.loads(told))
        elif mark == b".":
            return
        else:
            break
    process.kill()
    process.wait()
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - 2000))
    log.warning(
        "preview_broke_off", code=process.returncode, errors=errors.read().decode(errors="replace")
    )
    raise PreviewError("PREVIEW_BROKE_OFF", sentence("PREVIEW_BROKE_OFF", {}))


def _problem(told: dict[str, Any]) -> PreviewError:
    code, details = told["code"], told.get("details", {})
    return PreviewError(code, sentence(code, details, str(details.get("reason", code))), details)
