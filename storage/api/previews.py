"""HTTP endpoints for previews of a rosbag; all but the time line read its data."""

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
from storage.api import preview_schema
from storage.api.downloads import AnyContentType
from storage.api.preview_queries import (
    MessagesQuery,
    NewExportSerializer,
    SeriesQuery,
    ThumbnailsQuery,
    TopicQuery,
    TrajectoryQuery,
    parse_query,
)
from storage.api.preview_serializers import (
    ExportSerializer,
    FieldSerializer,
    SeriesSerializer,
    ThumbnailSerializer,
    TimelineSerializer,
    TrajectorySerializer,
)
from storage.api.streams import response_body
from storage.models import Rosbag
from storage.services.exports import exports as export_service
from storage.services.previews import previews, timeline

DETAIL_ACTION: dict[str, Any] = {"detail": True, "pagination_class": None, "filter_backends": ()}


class PreviewActions(GenericViewSet[Rosbag]):
    """Actions on one rosbag that read its data."""

    @preview_schema.MESSAGES
    @action(**DETAIL_ACTION, content_negotiation_class=AnyContentType)
    def messages(self, request: Request, **_kwargs: Any) -> HttpResponseBase:
        """Decoded messages, one per line."""
        selection = parse_query(request, MessagesQuery).to_selection()
        etag, begin = previews.messages(self.get_object(), selection)
        django_request = request._request  # noqa: SLF001  (streams need Django's)
        not_modified = get_conditional_response(django_request, etag=etag)
        if not_modified is not None:
            return not_modified
        headers = {"ETag": etag}
        content_type = "application/x-ndjson"
        if request.method == "HEAD":
            return HttpResponse(content_type=content_type, headers=headers)
        body = response_body(django_request, begin())
        return StreamingHttpResponse(body, content_type=content_type, headers=headers)

    @preview_schema.FIELDS
    @action(**DETAIL_ACTION)
    def fields(self, request: Request, **_kwargs: Any) -> Response:
        """The numeric fields of a topic's messages."""
        query = parse_query(request, TopicQuery).validated_data
        fields = previews.fields(self.get_object(), query["topic"])
        return Response(FieldSerializer(fields, many=True).data)

    @preview_schema.TRAJECTORY
    @action(**DETAIL_ACTION)
    def trajectory(self, request: Request, **_kwargs: Any) -> Response:
        """The trajectory of a robot."""
        query = parse_query(request, TrajectoryQuery).validated_data
        return Response(TrajectorySerializer(previews.trajectory(self.get_object(), **query)).data)

    @preview_schema.SERIES
    @action(**DETAIL_ACTION)
    def series(self, request: Request, **_kwargs: Any) -> Response:
        """A field over time."""
        query = parse_query(request, SeriesQuery).validated_data
        return Response(SeriesSerializer(previews.series(self.get_object(), **query)).data)

    @preview_schema.THUMBNAILS
    @action(**DETAIL_ACTION)
    def thumbnails(self, request: Request, **_kwargs: Any) -> Response:
        """Thumbnails of a topic of images."""
        query = parse_query(request, ThumbnailsQuery).validated_data
        rosbag = self.get_object()
        pictures = previews.thumbnails(rosbag, **query)
        rows = [picture | {"url": thumbnail_url(rosbag, query, picture)} for picture in pictures]
        return Response(ThumbnailSerializer(rows, many=True).data)

    @preview_schema.THUMBNAIL
    @action(
        **DETAIL_ACTION,
        url_path=r"thumbnails/(?P<time_ns>-?[0-9]{1,19})",
        content_negotiation_class=AnyContentType,
    )
    def thumbnail(self, request: Request, time_ns: str = "", **_kwargs: Any) -> HttpResponseBase:
        """One thumbnail, as JPEG."""
        query = parse_query(request, ThumbnailsQuery).validated_data
        rosbag = self.get_object()
        picture = previews.thumbnail(rosbag, time_ns=int(time_ns), **query)
        return HttpResponse(picture, content_type="image/jpeg")

    @preview_schema.TIMELINE
    @action(**DETAIL_ACTION)
    def timeline(self, request: Request, **_kwargs: Any) -> Response:
        """The activity of all topics over time, from the index."""
        return Response(TimelineSerializer(timeline.timeline(self.get_object())).data)

    @preview_schema.EXPORTS
    @action(detail=True, filter_backends=())
    def exports(self, request: Request, **_kwargs: Any) -> Response:
        """Exports of a rosbag, the newest first."""
        rows: Any = self.get_object().exports.select_related("result", "created_by").order_by("-id")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ExportSerializer(page, many=True).data)

    @preview_schema.EXPORT
    @exports.mapping.post
    @idempotent
    def export(self, request: Request, /, **_kwargs: Any) -> Response:
        """Export a part of a rosbag as another rosbag or as a table."""
        rosbag = self.get_object()
        serializer = NewExportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        export = export_service.request(rosbag, serializer.to_options(), created_by=request.user)
        response = Response(ExportSerializer(export).data, status=202)
        response["Location"] = reverse("export-detail", args=[export.pk], request=request)
        return response


def thumbnail_url(rosbag: Rosbag, query: dict[str, Any], picture: dict[str, Any]) -> str:
    """The URL of a thumbnail; empty when it has no picture."""
    if not picture["jpeg"]:
        return ""
    path = reverse("rosbag-thumbnail", args=[rosbag.pk, picture["time_ns"]])
    return f"{path}?{urlencode(query)}"
