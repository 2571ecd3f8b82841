"""Runs jobs on bags from strangers in child processes with limits: previews, exports, checks, unpacking.

The protocol: one line of JSON goes to the child's standard input, `{"limits": …, "job": {"name": …, …}}`;
the pipe stays open until the job is over. Lines come back, each with a mark before its JSON: `=` a value that
the job yields, `~` bytes of data handled so far, `!` a failure, `.` the end. Without a failure or an end, the
child was ended by its limits.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, Literal

_ROOT = str(Path(__file__).parents[2])
_PROGRAM = (
    f"import sys; sys.path.insert(0, {_ROOT!r}); from rosbag2.sandbox.worker import main; main()"
)
_MAX_LINE = 2**28
_MAX_ERRORS = 2000

UNLIMITED = 2**62

Job = dict[str, Any]
"""Its name under `name`, and its arguments."""
OnProgress = Callable[[int], None]


@dataclass(frozen=True)
class Limits:
    """Limits of a job; the child asks the kernel to enforce them.

    Attributes:
        memory_bytes: Address space.
        large_bytes: More of it that is granted where messages are large.
        cpu_seconds: Processor time that every job may take.
        pace_bytes: Bytes of reported progress that earn another second of it.
        wall_seconds: Time by the clock in all.
        silent_seconds: Time by the clock without progress.
        file_bytes: Size of the largest file that is written.
        open_files: Open files.
    """

    memory_bytes: int = 2**30
    large_bytes: int = 0
    cpu_seconds: float = 60.0
    pace_bytes: int = UNLIMITED
    wall_seconds: float = 30.0
    silent_seconds: float = float(UNLIMITED)
    file_bytes: int = UNLIMITED
    open_files: int = 4096


class JobFailedError(Exception):
    """The job cannot be done: the bag or the arguments are at fault."""

    def __init__(self, code: str, details: dict[str, Any]) -> None:
        self.code = code
        self.details = details
        super().__init__(code)


class JobEndedError(Exception):
    """The child ended before its job did.

    `cause` is the limit that ended it, or `crash`; `errors` are the last lines of its standard error.
    """

    def __init__(self, cause: Literal["time", "memory", "crash"], reason: str) -> None:
        self.cause = cause
        self.reason = reason
        self.seconds = 0.0
        self.errors = ""
        super().__init__(reason)


def run(
    job: Job,
    limits: Limits,
    *,
    scratch: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Generator[bytes]:
    """Run a job in a child process, and yield its values as lines of JSON; closing ends the process.

    Args:
        job: Its name and arguments.
        limits: Limits of memory, time and files.
        scratch: A folder for its temporary files, which are removed.
        on_progress: Called with the bytes of data handled so far.

    Raises:
        JobFailedError: The job cannot be done.
        JobEndedError: A limit ended it, or it crashed.
    """
    started = time.monotonic()
    with TemporaryFile() as errors, _process(errors, scratch) as process:
        try:
            _send(process, {"limits": asdict(limits), "job": job})
            yield from _values(process, on_progress)
        except JobEndedError as error:
            error.seconds = time.monotonic() - started
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - _MAX_ERRORS))
            error.errors = errors.read().decode(errors="replace")
            raise


@contextmanager
def _process(errors: IO[bytes], scratch: Path | None) -> Generator["subprocess.Popen[bytes]"]:
    """The child; it is gone afterwards, with its temporary files."""
    with TemporaryDirectory(prefix="robotsim-job-", dir=scratch) as temporary:
        environment = {
            # One thread: each reserves memory that the limits count.
            "OPENBLAS_NUM_THREADS": "1",
            "PATH": os.environ.get("PATH", ""),
            "TMPDIR": temporary,
        }
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-X", "utf8", "-c", _PROGRAM],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()


def _send(process: "subprocess.Popen[bytes]", request: dict[str, Any]) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()


def _values(process: "subprocess.Popen[bytes]", on_progress: OnProgress | None) -> Generator[bytes]:
    out: Any = process.stdout
    while (line := out.readline(_MAX_LINE)).endswith(b"\n"):
        mark, content = line[:1], line[1:]
        if mark == b"=":
            yield content
        elif mark == b"~":
            if on_progress is not None:
                on_progress(json.loads(content))
        elif mark == b"!":
            raise _failure(json.loads(content))
        else:
            return
    raise _end(process, too_long=bool(line))


def _failure(failure: dict[str, Any]) -> JobFailedError | JobEndedError:
    if "code" in failure:
        return JobFailedError(failure["code"], failure["details"])
    if "memory" in failure:
        return JobEndedError("memory", "it needed too much memory")
    return JobEndedError("crash", "its program failed")


def _end(process: "subprocess.Popen[bytes]", *, too_long: bool) -> JobEndedError:
    """The error for a child that ended without a failure or an end line."""
    if too_long:
        process.kill()
    code = process.wait()
    if code in {-signal.SIGALRM, -signal.SIGXCPU}:
        return JobEndedError("time", "it took too long")
    if code == -signal.SIGKILL and not too_long:
        return JobEndedError("memory", "the system ended it")
    return JobEndedError("crash", f"the process ended with {code}")
