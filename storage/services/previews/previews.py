"""Previews of a rosbag: messages, fields, trajectories, series and thumbnails."""

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
from storage.services.previews.time_ranges import parse_span
from storage.services.rosbags.local_copies import local_copy, require_usable

MAX_MESSAGES = 10_000
MAX_ITEMS = 10_000
MAX_POINTS = 5000
MAX_THUMBNAILS = 24
STREAM = child.Limits(wall_seconds=300.0)
"""Clients of a message stream may read slowly."""


@dataclass(frozen=True)
class MessageSelection:
    """A selection of messages: topic (None: all), time range, number, shown items of an array."""

    topic: str | None
    start: str = ""
    end: str = ""
    limit: int = 100
    items: int = 100


def messages(
    rosbag: Rosbag, selection: MessageSelection
) -> tuple[str, Callable[[], Iterator[bytes]]]:
    """Prepare a stream of decoded messages.

    Returns:
        An ETag, and a function that starts the stream of JSON lines. It waits for the first line, so that
        errors that concern the whole stream are raised before anything is sent.

    Raises:
        RosbagUnreadyError, SpanInvalidError, PreviewError (TOPIC_UNKNOWN): The selection is invalid.
    """
    require_usable(rosbag)
    if selection.topic is not None:
        topic_of(rosbag, selection.topic)
    span = parse_span(rosbag, selection.start, selection.end)
    job = {
        "name": "messages",
        "topics": None if selection.topic is None else [selection.topic],
        "limit": selection.limit,
        "items": selection.items,
        "span": span,
    }
    identity = json.dumps([cache.VERSION, rosbag.content_digest, job], sort_keys=True)
    etag = f'"{hashlib.sha256(identity.encode()).hexdigest()[:40]}"'
    return etag, lambda: _started(_messages(rosbag, job))


def _messages(rosbag: Rosbag, job: child.Job) -> Iterator[bytes]:
    with child.stream_slot(), local_copy(rosbag) as folder:
        lines = child.lines(_with_bag(job, rosbag, folder), STREAM)
        first = next(lines, None)
        yield b""  # from here on an error is sent as a line
        if first is None:
            return
        yield first
        try:
            yield from lines
        except PreviewError as error:
            error_line = {"error": {"code": error.code, "detail": str(error)}}
            yield json.dumps(error_line).encode() + b"\n"


def _started(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Advance the iterator to its first item, so that early errors are raised here."""
    next(lines, b"")
    return lines


def fields(rosbag: Rosbag, topic: str) -> Any:
    """List the numeric fields of a topic's messages.

    Raises:
        PreviewError: TOPIC_UNKNOWN or TYPE_UNKNOWN.
    """
    topic_of(rosbag, topic)
    name = cache.entry_name(rosbag, "fields", topic=topic)
    return _cached(rosbag, name, {"name": "fields", "topic": topic, "span": [0, 0]})


def trajectory(
    rosbag: Rosbag,
    topic: str,
    *,
    start: str = "",
    end: str = "",
    points: int = 500,
    frame: str = "",
) -> Any:
    """The trajectory of a topic of poses, transforms or fixes, in at most `points` points.

    Raises:
        RosbagUnreadyError, SpanInvalidError, PreviewBusyError, StoreError: It cannot be computed now.
        PreviewError: TOPIC_UNKNOWN, TYPE_UNKNOWN, TYPE_UNSUITABLE, or a limit was exceeded.
    """
    row = topic_of(rosbag, topic)
    parameters = {
        "topic": topic,
        "points": points,
        "frame": frame,
        "gaps": row.gaps,
        "span": parse_span(rosbag, start, end),
    }
    name = "" if start or end else cache.entry_name(rosbag, "trajectory", **parameters)
    return _cached(rosbag, name, {"name": "trajectory", **parameters})


def series(
    rosbag: Rosbag, topic: str, field: str, *, start: str = "", end: str = "", points: int = 500
) -> Any:
    """A field over time, as minimum and maximum per interval (raises as `trajectory`, FIELD_UNKNOWN)."""
    row = topic_of(rosbag, topic)
    parameters = {
        "topic": topic,
        "field": field,
        "points": points,
        "span": parse_span(rosbag, start, end),
    }
    name = "" if start or end else cache.entry_name(rosbag, "series", **parameters)
    return _cached(rosbag, name, {"name": "series", "count": row.message_count, **parameters})


def thumbnails(
    rosbag: Rosbag, topic: str, *, start: str = "", end: str = "", count: int = 6
) -> list[dict[str, Any]]:
    """Thumbnails of a topic of images, evenly spread; `jpeg` is bytes (raises as `trajectory`)."""
    row = topic_of(rosbag, topic)
    if row.first_ns is None or row.last_ns is None:
        return []
    first, last = parse_span(rosbag, start, end)
    span = (max(first, row.first_ns), min(last, row.last_ns))
    if span[0] > span[1]:
        return []
    entry = cache.entry_name(rosbag, "thumbnails", topic=topic, count=count)
    name = "" if start or end else entry
    job = {"name": "thumbnails", "topic": topic, "count": count, "span": span}
    pictures = _cached(rosbag, name, job, many=True)
    return [picture | {"jpeg": base64.b64decode(picture["jpeg"])} for picture in pictures]


def thumbnail(rosbag: Rosbag, topic: str, time_ns: int, **selection: Any) -> bytes:
    """One thumbnail as JPEG, by its time, among those that `thumbnails` lists for the selection.

    Raises:
        PreviewError: THUMBNAIL_NOT_FOUND, and as for `thumbnails`.
    """
    for picture in thumbnails(rosbag, topic, **selection):
        if picture["time_ns"] == time_ns and picture["jpeg"]:
            return bytes(picture["jpeg"])
    message = _("There is no thumbnail for this time: see the list of thumbnails.")
    raise PreviewError("THUMBNAIL_NOT_FOUND", message)


def topic_of(rosbag: Rosbag, name: str) -> RosbagTopic:
    """Find a topic by its name.

    Raises:
        PreviewError: TOPIC_UNKNOWN.
    """
    topic = rosbag.topics.filter(name=name).first() if "\0" not in name else None
    if topic is None:
        require_usable(rosbag)
        shortened = name[:100].replace("\0", "")
        raise PreviewError("TOPIC_UNKNOWN", sentence("TOPIC_UNKNOWN", {"reason": shortened}))
    return topic


def _cached(rosbag: Rosbag, name: str, job: child.Job, *, many: bool = False) -> Any:
    """Run a job, or read its result from the cache when it has a name."""
    require_usable(rosbag)
    if name and (entry := cache.get(rosbag, name)) is not None:
        return json.loads(entry)
    with child.preview_slot(), local_copy(rosbag) as folder:
        values = [json.loads(line) for line in child.lines(_with_bag(job, rosbag, folder))]
    result = values if many else values[-1]
    if name:
        cache.put(rosbag, name, json.dumps(result).encode())
    return result


def _with_bag(job: child.Job, rosbag: Rosbag, folder: Path) -> child.Job:
    return {**job, "folder": str(folder), "ros_distro": rosbag.ros_distro}
