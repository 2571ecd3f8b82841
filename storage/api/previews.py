"""What a rosbag shows of itself, over HTTP; everything but the time line needs its data."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from accounts.api.idempotency import idempotent
from storage.api import described_previews as described
from storage.api.preview_queries import (
    MessagesQuery,
    NewExportSerializer,
    SeriesQuery,
    ThumbnailsQuery,
    TopicQuery,
    TrajectoryQuery,
    asked_of,
)
from storage.api.preview_serializers import (
    ExportSerializer,
    FieldSerializer,
    SeriesSerializer,
    ThumbnailSerializer,
    TimelineSerializer,
    TrajectorySerializer,
)
from storage.api.sending import WhateverIsAccepted
from storage.api.streams import response_body
from storage.models import Rosbag
from storage.services.exports import exports as export_service
from storage.services.previews import previews, timeline

PLAIN: dict[str, Any] = {"detail": True, "pagination_class": None, "filter_backends": ()}


class PreviewActions(GenericViewSet[Rosbag]):
    """Actions on one rosbag that look into its data."""

    @described.MESSAGES
    @action(**PLAIN, content_negotiation_class=WhateverIsAccepted)
    def messages(self, request: Request, **_kwargs: Any) -> HttpResponseBase:
        """Decoded messages, one a line."""
        asked = asked_of(request, MessagesQuery).asked()
        etag, begin = previews.messages(self.get_object(), asked)
        plain = request._request  # noqa: SLF001  (streams need Django's)
        early = get_conditional_response(plain, etag=etag)
        if early is not None:
            return early
        headers = {"ETag": etag}
        kind = "application/x-ndjson"
        if request.method == "HEAD":
            return HttpResponse(content_type=kind, headers=headers)
        body = response_body(plain, begin())
        return StreamingHttpResponse(body, content_type=kind, headers=headers)

    @described.FIELDS
    @action(**PLAIN)
    def fields(self, request: Request, **_kwargs: Any) -> Response:
        """The numeric fields of a topic's messages."""
        asked = asked_of(request, TopicQuery).validated_data
        found = previews.fields(self.get_object(), asked["topic"])
        return Response(FieldSerializer(found, many=True).data)

    @described.TRAJECTORY
    @action(**PLAIN)
    def trajectory(self, request: Request, **_kwargs: Any) -> Response:
        """Where a robot went."""
        asked = asked_of(request, TrajectoryQuery).validated_data
        return Response(TrajectorySerializer(previews.trajectory(self.get_object(), **asked)).data)

    @described.SERIES
    @action(**PLAIN)
    def series(self, request: Request, **_kwargs: Any) -> Response:
        """A field over time."""
        asked = asked_of(request, SeriesQuery).validated_data
        return Response(SeriesSerializer(previews.series(self.get_object(), **asked)).data)

    @described.THUMBNAILS
    @action(**PLAIN)
    def thumbnails(self, request: Request, **_kwargs: Any) -> Response:
        """Small pictures of a topic at a few moments."""
        asked = asked_of(request, ThumbnailsQuery).validated_data
        rosbag = self.get_object()
        found = previews.thumbnails(rosbag, **asked)
        rows = [each | {"url": picture_address(rosbag, asked, each)} for each in found]
        return Response(ThumbnailSerializer(rows, many=True).data)

    @described.THUMBNAIL
    @action(
        **PLAIN,
        url_path=r"thumbnails/(?P<time_ns>-?[0-9]{1,19})",
        content_negotiation_class=WhateverIsAccepted,
    )
    def thumbnail(self, request: Request, time_ns: str = "", **_kwargs: Any) -> HttpResponseBase:
        """One small picture, as JPEG."""
        asked = asked_of(request, ThumbnailsQuery).validated_data
        rosbag = self.get_object()
        topic, count = asked["topic"], asked["count"]
        picture = previews.thumbnail(rosbag, topic, int(time_ns), count=count)
        return HttpResponse(picture, content_type="image/jpeg")

    @described.TIMELINE
    @action(**PLAIN)
    def timeline(self, request: Request, **_kwargs: Any) -> Response:
        """When what was recorded; from the index."""
        return Response(TimelineSerializer(timeline.timeline(self.get_object())).data)

    @described.EXPORTS
    @action(detail=True, filter_backends=())
    def exports(self, request: Request, **_kwargs: Any) -> Response:
        """Exports of a rosbag, the newest first."""
        rows: Any = self.get_object().exports.select_related("result", "created_by").order_by("-id")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ExportSerializer(page, many=True).data)

    @described.EXPORT
    @exports.mapping.post
    @idempotent
    def export(self, request: Request, /, **_kwargs: Any) -> Response:
        """Ask for a part of a rosbag as another rosbag or as a table."""
        rosbag = self.get_object()
        asked = NewExportSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = export_service.request(rosbag, asked.asked(), created_by=request.user)
        response = Response(ExportSerializer(made).data, status=202)
        response["Location"] = reverse("export-detail", args=[made.pk], request=request)
        return response


def picture_address(rosbag: Rosbag, asked: dict[str, Any], found: dict[str, Any]) -> str:
    """Where a small picture is; empty where there is none."""
    if not found["jpeg"]:
        return ""
    path = reverse("rosbag-thumbnail", args=[rosbag.pk, found["time_ns"]])
    return f"{path}?{urlencode(asked)}"
