"""Previews on the page of a rosbag: which topics they can show, trajectory, pictures, messages."""

import base64
from collections.abc import Callable
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _

from common.admin.numbers import number
from common.exceptions import DomainError
from rosbag2.extraction.images import TYPES as IMAGES
from rosbag2.extraction.trajectory import TYPES as TRACKS
from rosbag2.messages.message_types import full_name
from storage.admin.recorded_times import offset, recorded
from storage.admin.rosbags import trajectory_drawing
from storage.admin.rosbags.message_tree import message_rows
from storage.exceptions import ObjectNotFoundError
from storage.models import Rosbag, RosbagTopic
from storage.objects.base import StoreError
from storage.services.previews import previews

MAX_TOPICS = 500
MAX_PICTURES = 8
PREFERRED = ("nav_msgs/msg/Odometry", "sensor_msgs/msg/NavSatFix")


def cards(_request: HttpRequest, rosbag: Rosbag) -> dict[str, Any]:
    """Return the topics that each preview can show; their data are fetched by themselves."""
    rows = rosbag.topics.playable().filter(message_count__gt=0).only("rosbag", "name", "type")
    topics = list(rows[: MAX_TOPICS + 1])
    special = TRACKS | IMAGES
    short = {name.replace("/msg/", "/") for name in special}
    shown = list(rows.filter(Q(type__in=special) | Q(type__in=short))[:MAX_TOPICS])
    tracks = sorted((row for row in shown if full_name(row.type) in TRACKS), key=_preference)
    first = next(iter(tracks), None) or next(iter(topics), None)
    return {
        **(_problem(rosbag, first) if first else {}),
        "topics": topics[:MAX_TOPICS],
        "more_topics": len(topics) > MAX_TOPICS,
        "first": first,
        "tracks": tracks,
        "cameras": [row for row in shown if full_name(row.type) in IMAGES],
    }


def _problem(rosbag: Rosbag, first: RosbagTopic) -> dict[str, str]:
    """Try what the page asks for next, so that it makes no request that fails.

    Returns:
        `problem` of the files, which leave nothing to show, or `note` on the fields of the topic.
    """
    try:
        previews.fields(rosbag, first.name)
    except (ObjectNotFoundError, StoreError) as error:
        return {"problem": str(error)}
    except DomainError as error:
        return {"note": str(error)}
    return {}


def _preference(topic: RosbagTopic) -> int:
    name = full_name(topic.type)
    return PREFERRED.index(name) if name in PREFERRED else len(PREFERRED)


def trajectory(request: HttpRequest, rosbag: Rosbag) -> dict[str, Any]:
    """Return the trajectory of a topic."""
    topic, frame = request.GET.get("topic", ""), request.GET.get("frame", "")
    return _attempt(
        lambda: _drawn(
            previews.trajectory(rosbag, topic, frame=frame, **_span(request)),
        )
    )


def _drawn(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "trajectory": found,
        "drawing": trajectory_drawing.draw(found),
        "length": "" if found["geographic"] else f"{number(found['length'], 1)} m",
        "positions": number(found["positions"]),
    }


def pictures(request: HttpRequest, rosbag: Rosbag) -> dict[str, Any]:
    """Return pictures of a topic, spread evenly over the range."""
    topic = request.GET.get("topic", "")

    def found() -> dict[str, Any]:
        rows = previews.thumbnails(rosbag, topic, count=MAX_PICTURES, **_span(request))
        return {"pictures": [_picture(rosbag, row) for row in rows]}

    return _attempt(found)


def _picture(rosbag: Rosbag, row: dict[str, Any]) -> dict[str, Any]:
    at = offset(row["time_ns"] - (rosbag.start_ns or 0))
    return {
        **row,
        "data": base64.b64encode(row["jpeg"]).decode(),
        "at": at,
        "recorded": recorded(row["time_ns"]),
        "alt": _("Picture at %s") % at,
    }


def messages(request: HttpRequest, rosbag: Rosbag) -> dict[str, Any]:
    """Return some messages of a topic as trees."""
    topic = request.GET.get("topic", "")
    return _attempt(lambda: message_rows(rosbag, topic, **_span(request)))


def _span(request: HttpRequest) -> dict[str, Any]:
    return {name: request.GET.get(name, "") for name in ("start", "end")}


def _attempt(build: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Build a preview; where it fails, its problem."""
    try:
        return build()
    except DomainError as error:
        return {"problem": str(error)}
