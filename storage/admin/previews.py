"""The part of a rosbag's page that looks into its data: a page of its own, in a frame."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from common.exceptions import DomainError
from rosbag2.extraction.images import TYPES as IMAGES
from rosbag2.extraction.trajectory import TYPES as TRACKS
from rosbag2.messages.message_types import full_name
from storage.admin import charts
from storage.choices import USABLE
from storage.models import Rosbag, RosbagTopic
from storage.services.previews import previews
from storage.services.previews.previews import MessageSelection
from storage.services.previews.time_ranges import parse_span

MOST_TOPICS = 500
FIRST = 3
"""Messages that are shown."""
ITEMS = 8
POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src data:; form-action 'self'; "
    "frame-ancestors 'self'"
)
"""Whatever a bag brings, nothing of it runs here."""
FAVOURITES = ("nav_msgs/msg/Odometry", "sensor_msgs/msg/NavSatFix")


class Previews:
    """Before `ModelAdmin` in the bases of the page of rosbags."""

    admin_site: Any
    get_object: Any
    has_view_permission: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(xframe_options_sameorigin(self.preview_view))
        own = path("<int:object_id>/preview/", view, name="storage_rosbag_preview")
        return [own, *super().get_urls()]  # type: ignore[misc]

    def preview_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What one topic shows; another is chosen on it."""
        rosbag = self.get_object(request, str(object_id))
        if rosbag is None or not self.has_view_permission(request, rosbag):
            raise PermissionDenied
        context = {"rosbag": rosbag, **_shown(rosbag, request.GET)}
        answer = render(request, "storage/console/preview.html", context)
        answer["Content-Security-Policy"] = POLICY
        return answer


def frame(rosbag: Rosbag, topic: str = "") -> str:
    """The preview as a frame that is loaded once it comes into view."""
    if rosbag.status not in USABLE or rosbag.deleted_at is not None or not rosbag.message_count:
        return ""
    address = reverse("admin:storage_rosbag_preview", args=[rosbag.pk])
    if topic:
        address = f"{address}?{urlencode({'topic': topic})}"
    return format_html(
        '<iframe class="storage-preview" loading="lazy" title="{}" src="{}"></iframe>',
        _("Preview"),
        address,
    )


def _shown(rosbag: Rosbag, asked: Any) -> dict[str, Any]:
    topics = list(rosbag.topics.filter(message_count__gt=0).defer("histogram")[:MOST_TOPICS])
    chosen = next((topic for topic in topics if topic.name == asked.get("topic")), None)
    topic = chosen or _favourite(topics)
    if topic is None:
        return {"topics": []}
    kind = full_name(topic.type)
    found: dict[str, Any] = {"topics": topics, "topic": topic, "problems": []}
    found |= _tried(found, lambda: {"messages": _messages(rosbag, topic)})
    if kind in TRACKS:
        found |= _tried(found, lambda: _track(rosbag, topic))
    if kind in IMAGES:
        found |= _tried(found, lambda: {"pictures": _pictures(rosbag, topic)})
    return found | _tried(found, lambda: _series(rosbag, topic, asked.get("field", "")))


def _favourite(topics: list[RosbagTopic]) -> RosbagTopic | None:
    """The topic that tells most at a glance."""

    def rank(topic: RosbagTopic) -> int:
        kind = full_name(topic.type)
        if kind in FAVOURITES:
            return FAVOURITES.index(kind)
        return 2 if kind in IMAGES else 3 if kind in TRACKS else 4

    return min(topics, key=rank, default=None)


def _tried(found: dict[str, Any], show: Any) -> dict[str, Any]:
    """What a part shows; where it cannot, its sentence is told once."""
    try:
        shown: dict[str, Any] = show()
    except DomainError as error:
        if str(error) not in found["problems"]:
            found["problems"].append(str(error))
        return {}
    return shown


def _messages(rosbag: Rosbag, topic: RosbagTopic) -> list[dict[str, Any]]:
    _etag, begin = previews.messages(rosbag, MessageSelection(topic.name, limit=FIRST, items=ITEMS))
    told = [json.loads(line) for line in begin()]
    return [
        {
            "time": each.get("time") or each.get("time_ns", ""),
            "size": each.get("size", 0),
            "error": (each.get("error") or {}).get("detail", ""),
            "text": _text(each.get("message")),
        }
        for each in told
    ]


def _text(message: Any) -> str:
    return "" if message is None else json.dumps(message, indent=2, ensure_ascii=False)


def _track(rosbag: Rosbag, topic: RosbagTopic) -> dict[str, Any]:
    found = previews.trajectory(rosbag, topic.name)
    unit = "" if found["geographic"] else f"{found['length']:.1f} m"
    return {"track": charts.track(found), "track_length": unit, "track_found": found}


def _pictures(rosbag: Rosbag, topic: RosbagTopic) -> list[dict[str, Any]]:
    return [
        {**each, "data": base64.b64encode(each["jpeg"]).decode()}
        for each in previews.thumbnails(rosbag, topic.name)
    ]


def _series(rosbag: Rosbag, topic: RosbagTopic, field: str) -> dict[str, Any]:
    listed = previews.fields(rosbag, topic.name)
    fields = [each["path"] for each in listed]
    # What moves is a float, most of the time; a header says only when.
    measured = [each["path"] for each in listed if each["type"].startswith("float")]
    plotted = measured + [each for each in fields if not each.startswith("header.")]
    if not plotted or (full_name(topic.type) in IMAGES and not field):
        return {}
    chosen = field or plotted[0]
    found = previews.series(rosbag, topic.name, chosen)
    chart = charts.line(found, parse_span(rosbag, "", ""))
    return {"fields": fields, "field": chosen, "series": chart, "series_found": found}
