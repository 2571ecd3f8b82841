"""The preview of a rosbag's data: a page of its own, shown in a frame of the rosbag's page."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
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

MAX_TOPICS = 500
SHOWN_MESSAGES = 3
"""Number of shown messages."""
SHOWN_ITEMS = 8
PREFERRED_TYPES = ("nav_msgs/msg/Odometry", "sensor_msgs/msg/NavSatFix")


class PreviewPage:
    """Mixin before `ModelAdmin` in the admin of rosbags."""

    admin_site: Any
    get_object: Any
    has_view_permission: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(xframe_options_sameorigin(self.preview_view))
        own = path("<int:object_id>/preview/", view, name="storage_rosbag_preview")
        return [own, *super().get_urls()]  # type: ignore[misc]

    def preview_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the preview of one topic, with a form to choose another."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rosbag = self.get_object(request, str(object_id))
        if rosbag is None:
            raise Http404
        context = {"rosbag": rosbag, **_preview_context(rosbag, request.GET)}
        return render(request, "storage/console/preview.html", context)


def frame(rosbag: Rosbag, topic: str = "") -> str:
    """A frame with the preview, loaded when it is scrolled into view."""
    if rosbag.status not in USABLE or rosbag.deleted_at is not None or not rosbag.message_count:
        return ""
    url = reverse("admin:storage_rosbag_preview", args=[rosbag.pk])
    if topic:
        url = f"{url}?{urlencode({'topic': topic})}"
    return format_html(
        '<iframe class="storage-preview" loading="lazy" title="{}" src="{}"></iframe>',
        _("Preview"),
        url,
    )


def _preview_context(rosbag: Rosbag, query: Any) -> dict[str, Any]:
    topics = list(
        rosbag.topics.playable().filter(message_count__gt=0).defer("histogram")[:MAX_TOPICS]
    )
    chosen = next((topic for topic in topics if topic.name == query.get("topic")), None)
    topic = chosen or _default_topic(topics)
    if topic is None:
        return {"topics": []}
    type_name = full_name(topic.type)
    context: dict[str, Any] = {"topics": topics, "topic": topic, "problems": []}
    context |= _try_section(context, lambda: {"messages": _messages(rosbag, topic)})
    if type_name in TRACKS:
        context |= _try_section(context, lambda: _track(rosbag, topic))
    if type_name in IMAGES:
        context |= _try_section(context, lambda: {"pictures": _pictures(rosbag, topic)})
    return context | _try_section(context, lambda: _series(rosbag, topic, query.get("field", "")))


def _default_topic(topics: list[RosbagTopic]) -> RosbagTopic | None:
    """Choose the topic whose preview is most informative."""

    def rank(topic: RosbagTopic) -> int:
        type_name = full_name(topic.type)
        if type_name in PREFERRED_TYPES:
            return PREFERRED_TYPES.index(type_name)
        return 2 if type_name in IMAGES else 3 if type_name in TRACKS else 4

    return min(topics, key=rank, default=None)


def _try_section(context: dict[str, Any], build: Any) -> dict[str, Any]:
    """Build a section of the page; if it fails, add the error message once."""
    try:
        section: dict[str, Any] = build()
    except DomainError as error:
        if str(error) not in context["problems"]:
            context["problems"].append(str(error))
        return {}
    return section


def _messages(rosbag: Rosbag, topic: RosbagTopic) -> list[dict[str, Any]]:
    _etag, begin = previews.messages(
        rosbag, MessageSelection(topic.name, limit=SHOWN_MESSAGES, items=SHOWN_ITEMS)
    )
    messages = [json.loads(line) for line in begin()]
    return [
        {
            "time": message.get("time") or message.get("time_ns", ""),
            "size": message.get("size", 0),
            "error": (message.get("error") or {}).get("detail", ""),
            "text": _text(message.get("message")),
        }
        for message in messages
    ]


def _text(message: Any) -> str:
    return "" if message is None else json.dumps(message, indent=2, ensure_ascii=False)


def _track(rosbag: Rosbag, topic: RosbagTopic) -> dict[str, Any]:
    trajectory = previews.trajectory(rosbag, topic.name)
    unit = "" if trajectory["geographic"] else f"{trajectory['length']:.1f} m"
    return {"track": charts.track(trajectory), "track_length": unit, "trajectory": trajectory}


def _pictures(rosbag: Rosbag, topic: RosbagTopic) -> list[dict[str, Any]]:
    return [
        {**picture, "data": base64.b64encode(picture["jpeg"]).decode()}
        for picture in previews.thumbnails(rosbag, topic.name)
    ]


def _series(rosbag: Rosbag, topic: RosbagTopic, field: str) -> dict[str, Any]:
    available = previews.fields(rosbag, topic.name)
    fields = [item["path"] for item in available]
    # Prefer floats, and skip the header, which only holds time and frame.
    floats = [item["path"] for item in available if item["type"].startswith("float")]
    plottable = floats + [path for path in fields if not path.startswith("header.")]
    if not plottable or (full_name(topic.type) in IMAGES and not field):
        return {}
    chosen = field or plottable[0]
    series = previews.series(rosbag, topic.name, chosen)
    chart = charts.line(series, parse_span(rosbag, "", ""))
    return {"fields": fields, "field": chosen, "series": chart, "series_data": series}
