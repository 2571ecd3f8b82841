"""A process that opens a stranger's bag for a server: one job in, lines out, under limits of the kernel.

    echo '{"verb": "messages", "folder": "...", ...}' | python -m rosbag2.sandbox.preview_worker

A line begins with `=` (JSON that the job yields) or `!` (why it cannot be done: code and details); the last
one is `.`. Without it the process was ended by its limits, or by whoever started it.
"""

import base64
import json
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rosbag2.errors import BagError

MEMORY = 1 << 30
"""Address space in bytes; what is really used stays far below."""
CPU_SECONDS = 60

Job = dict[str, Any]


def main() -> None:
    """Do the job that stands on standard input."""
    job: Job = json.loads(sys.stdin.buffer.readline())
    limit(job)
    out = sys.stdout.buffer
    try:
        for told in VERBS[job["verb"]](job):
            out.write(b"=" + json.dumps(told, allow_nan=False, ensure_ascii=False).encode() + b"\n")
            if job.get("flush"):
                out.flush()
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  (`problem` raises again what it does not know)
        out.write(b"!" + json.dumps(problem(error)).encode() + b"\n")
    out.write(b".\n")
    out.flush()


def limit(job: Job) -> None:
    """Give up what a job does not need; a bag cannot make this process take more."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    memory = int(job.get("memory", MEMORY))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    seconds = int(job.get("cpu_seconds", CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def problem(error: Exception) -> dict[str, Any]:
    """What went wrong: its code and details; what nobody has thought of is raised again, for the log."""
    if isinstance(error, BagError):
        return {"code": error.code, "details": error.details}
    if isinstance(error, MemoryError | RecursionError):
        return {"code": "PREVIEW_TOO_LARGE", "details": {}}
    if hasattr(error, "code"):
        return {"code": str(error.code), "details": {"reason": str(error)}}
    raise error


def _messages(job: Job) -> Iterator[Any]:
    from rosbag2.extraction.messages import messages  # noqa: PLC0415  (after the limits)

    with _window(job) as window:
        span = _span(job)
        yield from messages(
            window, job["topics"], span=span, limit=job["limit"], items=job["items"]
        )


def _fields(job: Job) -> Iterator[Any]:
    from rosbag2.messages.fields import scalars  # noqa: PLC0415

    with _window(job) as window:
        yield [asdict(scalar) for scalar in scalars(window.shape(job["topic"]))]


def _trajectory(job: Job) -> Iterator[Any]:
    from rosbag2.extraction.trajectory import trajectory  # noqa: PLC0415

    with _window(job) as window:
        more = {"points": job["points"], "frame": job["frame"]}
        yield trajectory(window, job["topic"], span=_span(job), **more)


def _series(job: Job) -> Iterator[Any]:
    from rosbag2.extraction.series import series  # noqa: PLC0415

    with _window(job) as window:
        more = {"bins": job["points"], "count": job["count"]}
        yield series(window, job["topic"], job["field"], span=_span(job), **more)


def _thumbnails(job: Job) -> Iterator[Any]:
    from rosbag2.extraction.images import thumbnails  # noqa: PLC0415

    with _window(job) as window:
        for found in thumbnails(window, job["topic"], span=_span(job), count=job["count"]):
            yield asdict(found) | {"jpeg": base64.b64encode(found.jpeg).decode()}


def _export(job: Job) -> Iterator[Any]:
    from rosbag2.extraction.export import Asked, export_bag, export_csv  # noqa: PLC0415

    asked = Asked(job["topics"], _span(job), job["latched"], tuple(job["fields"]))
    target = Path(job["target"])
    with _window(job) as window:
        made = (
            export_csv(window, target, asked)
            if job["format"] == "csv"
            else export_bag(window, target, job["format"], asked)
        )
        for progress in made:
            yield asdict(progress)


def _window(job: Job) -> Any:
    from rosbag2.extraction.time_slice import Window  # noqa: PLC0415

    return Window(Path(job["folder"]), job.get("ros_distro", ""))


def _span(job: Job) -> tuple[int, int]:
    first, last = job["span"]
    return first, last


VERBS: dict[str, Callable[[Job], Iterator[Any]]] = {
    "messages": _messages,
    "fields": _fields,
    "trajectory": _trajectory,
    "series": _series,
    "thumbnails": _thumbnails,
    "export": _export,
}

if __name__ == "__main__":
    main()
