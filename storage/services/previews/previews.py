"""What a rosbag shows of itself: messages, fields, trajectories, series and small pictures."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from storage.choices import sentence
from storage.exceptions import PreviewError
from storage.models import Rosbag, RosbagTopic
from storage.services.previews import cache, child
from storage.services.previews.time_ranges import span_of
from storage.services.rosbags.local_copies import local_copy, require_usable

MOST_MESSAGES = 10_000
MOST_ITEMS = 10_000
MOST_POINTS = 5000
MOST_THUMBNAILS = 24
STREAM = child.Limits(wall_seconds=300.0)
"""A reader of a stream of messages may take longer."""


@dataclass(frozen=True)
class MessagesAsked:
    """Which messages: of one topic (None: of all), from when to when, how many, how much of arrays."""

    topic: str | None
    start: str = ""
    end: str = ""
    limit: int = 100
    items: int = 100


def messages(rosbag: Rosbag, asked: MessagesAsked) -> tuple[str, Callable[[], Iterator[bytes]]]:
    """An ETag, and how to get the decoded messages as lines of JSON.

    Nothing is opened before they are asked for; the first line is waited for then, so that what is wrong
    with the whole is raised and not streamed.

    Raises:
        RosbagUnreadyError, SpanInvalidError, PreviewError (TOPIC_UNKNOWN): at once.
    """
    require_usable(rosbag)
    if asked.topic is not None:
        topic_of(rosbag, asked.topic)
    span = span_of(rosbag, asked.start, asked.end)
    job = {
        "name": "messages",
        "topics": None if asked.topic is None else [asked.topic],
        "limit": asked.limit,
        "items": asked.items,
        "span": span,
    }
    mark = json.dumps([cache.VERSION, rosbag.content_digest, job], sort_keys=True)
    etag = f'"{hashlib.sha256(mark.encode()).hexdigest()[:40]}"'
    return etag, lambda: _begun(_messages(rosbag, job))


def _messages(rosbag: Rosbag, job: child.Job) -> Iterator[bytes]:
    with child.stream_place(), local_copy(rosbag) as folder:
        lines = child.lines(_placed(job, rosbag, folder), STREAM)
        first = next(lines, None)
        yield b""  # begun: an error is a line from now on
        if first is None:
            return
        yield first
        try:
            yield from lines
        except PreviewError as error:
            told = {"error": {"code": error.code, "detail": str(error)}}
            yield json.dumps(told).encode() + b"\n"


def _begun(found: Iterator[bytes]) -> Iterator[bytes]:
    """The iterator, once it has begun: what fails before is raised here."""
    next(found, b"")
    return found


def fields(rosbag: Rosbag, topic: str) -> Any:
    """The numeric fields of a topic's messages (PreviewError: TOPIC_UNKNOWN, TYPE_UNKNOWN)."""
    topic_of(rosbag, topic)
    name = cache.name_of(rosbag, "fields", topic=topic)
    return _kept(rosbag, name, {"name": "fields", "topic": topic, "span": [0, 0]})


def trajectory(
    rosbag: Rosbag,
    topic: str,
    *,
    start: str = "",
    end: str = "",
    points: int = 500,
    frame: str = "",
) -> Any:
    """Where a topic of poses, transforms or fixes leads, in at most so many points.

    Raises:
        RosbagUnreadyError, SpanInvalidError, PreviewBusyError, StoreError.
        PreviewError: TOPIC_UNKNOWN, TYPE_UNKNOWN, TYPE_UNSUITABLE, or it was ended by its limits.
    """
    topic_of(rosbag, topic)
    asked = {"topic": topic, "points": points, "frame": frame, "span": span_of(rosbag, start, end)}
    name = "" if start or end else cache.name_of(rosbag, "trajectory", **asked)
    return _kept(rosbag, name, {"name": "trajectory", **asked})


def series(
    rosbag: Rosbag, topic: str, field: str, *, start: str = "", end: str = "", points: int = 500
) -> Any:
    """A field over time, least and greatest value per stretch (raises as `trajectory`, FIELD_UNKNOWN)."""
    row = topic_of(rosbag, topic)
    asked = {"topic": topic, "field": field, "points": points, "span": span_of(rosbag, start, end)}
    name = "" if start or end else cache.name_of(rosbag, "series", **asked)
    return _kept(rosbag, name, {"name": "series", "count": row.message_count, **asked})


def thumbnails(rosbag: Rosbag, topic: str, *, count: int = 6) -> list[dict[str, Any]]:
    """Small pictures of a topic of images at a few moments; `jpeg` is bytes (raises as `trajectory`)."""
    row = topic_of(rosbag, topic)
    if row.first_ns is None or row.last_ns is None:
        return []
    span = (row.first_ns, row.last_ns)
    name = cache.name_of(rosbag, "thumbnails", topic=topic, count=count)
    job = {"name": "thumbnails", "topic": topic, "count": count, "span": span}
    found = _kept(rosbag, name, job, many=True)
    return [each | {"jpeg": base64.b64decode(each["jpeg"])} for each in found]


def thumbnail(rosbag: Rosbag, topic: str, time_ns: int, *, count: int = 6) -> bytes:
    """One of them as JPEG, by its time.

    Raises:
        PreviewError: THUMBNAIL_NOT_FOUND, and as `thumbnails`.
    """
    for each in thumbnails(rosbag, topic, count=count):
        if each["time_ns"] == time_ns and each["jpeg"]:
            return bytes(each["jpeg"])
    message = _("There is no picture of that time: see the list of thumbnails.")
    raise PreviewError("THUMBNAIL_NOT_FOUND", message)


def topic_of(rosbag: Rosbag, name: str) -> RosbagTopic:
    """The topic of a name (PreviewError: TOPIC_UNKNOWN)."""
    found = rosbag.topics.filter(name=name).first() if "\0" not in name else None
    if found is None:
        require_usable(rosbag)
        shown = name[:100].replace("\0", "")
        raise PreviewError("TOPIC_UNKNOWN", sentence("TOPIC_UNKNOWN", {"reason": shown}))
    return found


def _kept(rosbag: Rosbag, name: str, job: child.Job, *, many: bool = False) -> Any:
    """What a job yields, made once where it has a name."""
    require_usable(rosbag)
    if name and (kept := cache.get(rosbag, name)) is not None:
        return json.loads(kept)
    with child.place(), local_copy(rosbag) as folder:
        found = [json.loads(line) for line in child.lines(_placed(job, rosbag, folder))]
    told = found if many else found[-1]
    if name:
        cache.keep(rosbag, name, json.dumps(told).encode())
    return told


def _placed(job: child.Job, rosbag: Rosbag, folder: Path) -> child.Job:
    return {**job, "folder": str(folder), "ros_distro": rosbag.ros_distro}
