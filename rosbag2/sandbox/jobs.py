"""The jobs of the child process, by name. Each imports what it needs when it runs: after the limits."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rosbag2.budget import Effort

Job = dict[str, Any]


def _verify(job: Job, effort: Effort) -> Iterator[Any]:
    from rosbag2.checks.verify import verify  # noqa: PLC0415

    yield asdict(verify(Path(job["source"]), effort))


def _judge(job: Job, effort: Effort) -> Iterator[Any]:
    from rosbag2.recovery.repair import judge  # noqa: PLC0415

    yield asdict(judge(Path(job["source"]), Path(job["target"]), effort))


def _rescue(job: Job, effort: Effort) -> Iterator[Any]:
    from rosbag2.recovery.repair import rescue  # noqa: PLC0415

    yield asdict(rescue(Path(job["source"]), Path(job["target"]), effort))


def _unpack(job: Job, effort: Effort) -> Iterator[Any]:
    from rosbag2.reading.archive import unpack  # noqa: PLC0415

    yield unpack(Path(job["source"]), Path(job["target"]), effort)


def _messages(job: Job, _effort: Effort) -> Iterator[Any]:
    from rosbag2.extraction.messages import messages  # noqa: PLC0415

    with _window(job) as window:
        span = _span(job)
        yield from messages(
            window, job["topics"], span=span, limit=job["limit"], items=job["items"]
        )


def _fields(job: Job, _effort: Effort) -> Iterator[Any]:
    from rosbag2.messages.fields import scalars  # noqa: PLC0415

    with _window(job) as window:
        yield [asdict(scalar) for scalar in scalars(window.shape(job["topic"]))]


def _trajectory(job: Job, _effort: Effort) -> Iterator[Any]:
    from rosbag2.extraction.trajectory import trajectory  # noqa: PLC0415

    with _window(job) as window:
        more = {"points": job["points"], "frame": job["frame"]}
        yield trajectory(window, job["topic"], span=_span(job), **more)


def _series(job: Job, _effort: Effort) -> Iterator[Any]:
    from rosbag2.extraction.series import series  # noqa: PLC0415

    with _window(job) as window:
        more = {"bins": job["points"], "count": job["count"]}
        yield series(window, job["topic"], job["field"], span=_span(job), **more)


def _thumbnails(job: Job, _effort: Effort) -> Iterator[Any]:
    from rosbag2.extraction.images import thumbnails  # noqa: PLC0415

    with _window(job) as window:
        for picture in thumbnails(window, job["topic"], span=_span(job), count=job["count"]):
            yield asdict(picture) | {"jpeg": base64.b64encode(picture.jpeg).decode()}


def _export(job: Job, _effort: Effort) -> Iterator[Any]:
    from rosbag2.extraction.export import Asked, export_bag, export_csv  # noqa: PLC0415

    asked = Asked(job["topics"], _span(job), job["latched"], tuple(job["fields"]))
    target = Path(job["target"])
    with _window(job) as window:
        progress = (
            export_csv(window, target, asked)
            if job["format"] == "csv"
            else export_bag(window, target, job["format"], asked)
        )
        yield from map(asdict, progress)


def _window(job: Job) -> Any:
    from rosbag2.extraction.time_slice import Window  # noqa: PLC0415

    return Window(Path(job["folder"]), job.get("ros_distro", ""))


def _span(job: Job) -> tuple[int, int]:
    first, last = job["span"]
    return first, last


JOBS: dict[str, Callable[[Job, Effort], Iterator[Any]]] = {
    "verify": _verify,
    "judge": _judge,
    "rescue": _rescue,
    "unpack": _unpack,
    "messages": _messages,
    "fields": _fields,
    "trajectory": _trajectory,
    "series": _series,
    "thumbnails": _thumbnails,
    "export": _export,
}
