"""The jobs of the child process, by name. Each imports its modules when it runs: after the limits."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosbag2.budget import Budget

if TYPE_CHECKING:
    from rosbag2.extraction.decoded_bag import DecodedBag

Job = dict[str, Any]


def _verify(job: Job, budget: Budget) -> Iterator[Any]:
    from rosbag2.checks.verify import verify  # noqa: PLC0415

    yield asdict(verify(Path(job["source"]), budget))


def _verify_or_repair(job: Job, budget: Budget) -> Iterator[Any]:
    from rosbag2.recovery.repair import verify_or_repair  # noqa: PLC0415

    yield asdict(verify_or_repair(Path(job["source"]), Path(job["target"]), budget))


def _repair(job: Job, budget: Budget) -> Iterator[Any]:
    from rosbag2.recovery.repair import repair  # noqa: PLC0415

    yield asdict(repair(Path(job["source"]), Path(job["target"]), budget))


def _unpack(job: Job, budget: Budget) -> Iterator[Any]:
    from rosbag2.reading.archive import unpack  # noqa: PLC0415

    yield unpack(Path(job["source"]), Path(job["target"]), budget, language=job["language"])


def _messages(job: Job, _budget: Budget) -> Iterator[Any]:
    from rosbag2.extraction.messages import messages  # noqa: PLC0415

    with _open_bag(job) as source:
        span = _span(job)
        yield from messages(
            source, job["topics"], span=span, limit=job["limit"], items=job["items"]
        )


def _fields(job: Job, _budget: Budget) -> Iterator[Any]:
    from rosbag2.messages.fields import scalars  # noqa: PLC0415

    with _open_bag(job) as source:
        yield [asdict(scalar) for scalar in scalars(source.message_type(job["topic"]))]


def _trajectory(job: Job, _budget: Budget) -> Iterator[Any]:
    from rosbag2.extraction.trajectory import trajectory  # noqa: PLC0415

    with _open_bag(job) as source:
        more = {name: job[name] for name in ("points", "frame", "gaps")}
        yield trajectory(source, job["topic"], span=_span(job), **more)


def _series(job: Job, _budget: Budget) -> Iterator[Any]:
    from rosbag2.extraction.series import series  # noqa: PLC0415

    with _open_bag(job) as source:
        more = {"bins": job["points"], "count": job["count"]}
        yield series(source, job["topic"], job["field"], span=_span(job), **more)


def _thumbnails(job: Job, _budget: Budget) -> Iterator[Any]:
    from rosbag2.extraction.images import thumbnails  # noqa: PLC0415

    with _open_bag(job) as source:
        for picture in thumbnails(source, job["topic"], span=_span(job), count=job["count"]):
            yield asdict(picture) | {"jpeg": base64.b64encode(picture.jpeg).decode()}


def _export(job: Job, _budget: Budget) -> Iterator[Any]:
    from rosbag2.extraction.export import ExportRequest, export_bag, export_csv  # noqa: PLC0415

    request = ExportRequest(job["topics"], _span(job), job["latched"], tuple(job["fields"]))
    target = Path(job["target"])
    with _open_bag(job) as source:
        progress = (
            export_csv(source, target, request)
            if job["format"] == "csv"
            else export_bag(source, target, job["format"], request)
        )
        yield from map(asdict, progress)


def _open_bag(job: Job) -> "DecodedBag":
    from rosbag2.extraction.decoded_bag import DecodedBag  # noqa: PLC0415

    return DecodedBag(Path(job["folder"]), job.get("ros_distro", ""))


def _span(job: Job) -> tuple[int, int]:
    first, last = job["span"]
    return first, last


JOBS: dict[str, Callable[[Job, Budget], Iterator[Any]]] = {
    "verify": _verify,
    "verify_or_repair": _verify_or_repair,
    "repair": _repair,
    "unpack": _unpack,
    "messages": _messages,
    "fields": _fields,
    "trajectory": _trajectory,
    "series": _series,
    "thumbnails": _thumbnails,
    "export": _export,
}
