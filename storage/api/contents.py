"""HTTP endpoints for the contents of a rosbag: topics, files with ranges, archive."""

import hashlib
from collections.abc import Iterator
from typing import Any

from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from rosbag2.budget import MAX_FILES
from storage.api import rosbag_schema
from storage.api.downloads import AnyContentType, FileDownload, file_response
from storage.api.filters import TopicFilter
from storage.api.serializers import SignedFileSerializer, TopicSerializer
from storage.api.streams import iter_chunks
from storage.models import Rosbag
from storage.services.rosbags import downloads


class FilesQuery(serializers.Serializer[Any]):
    """Query parameters of a page of files."""

    after = serializers.CharField(
        max_length=400, trim_whitespace=False, allow_blank=True, required=False, default=""
    )
    limit = serializers.IntegerField(min_value=1, max_value=MAX_FILES + 1, default=MAX_FILES + 1)


class ContentActions(GenericViewSet[Rosbag]):
    """Read-only actions on one rosbag."""

    ordering: Any = "-id"
    search_fields: Any = ()
    ordering_fields: Any = ()

    @rosbag_schema.TOPICS
    @action(
        detail=True,
        filterset_class=TopicFilter,
        search_fields=("name",),
        ordering="name",
        ordering_fields=["name", "type", "message_count"],
    )
    def topics(self, request: Request, **_kwargs: Any) -> Response:
        """The topics of a rosbag, page by page."""
        topics: Any = self.get_object().topics.all()
        page = self.paginate_queryset(self.filter_queryset(topics))
        return self.get_paginated_response(TopicSerializer(page, many=True).data)

    @rosbag_schema.FILES
    @action(detail=True, pagination_class=None, filter_backends=())
    def files(self, request: Request, **_kwargs: Any) -> Response:
        """The files of a rosbag by path, each with a signed URL that expires."""
        query = FilesQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        files = downloads.signed_files(
            self.get_object(), audience="browser", **query.validated_data
        )
        return Response(SignedFileSerializer(files, many=True).data)

    @rosbag_schema.FILE
    @action(
        detail=True,
        url_path=r"files/(?P<path>.+)",
        pagination_class=None,
        filter_backends=(),
        content_negotiation_class=AnyContentType,
    )
    def file(self, request: Request, path: str = "", **_kwargs: Any) -> HttpResponseBase:
        """One file, or a range of it."""
        file = downloads.find_file(self.get_object(), path)
        etag = f'"{file.sha256}"' if file.sha256 else ""

        def chunks(byte_range: range) -> Iterator[bytes]:
            source = downloads.read(file, byte_range)
            return iter_chunks(source) if source else iter(())

        download = FileDownload(path.rpartition("/")[2], file.size, etag, chunks)
        return file_response(request._request, download)  # noqa: SLF001  (streams need Django's)

    @rosbag_schema.ARCHIVE
    @action(
        detail=True,
        pagination_class=None,
        filter_backends=(),
        content_negotiation_class=AnyContentType,
    )
    def archive(self, request: Request, **_kwargs: Any) -> HttpResponseBase:
        """The bundle's folder as one zip file without compression, streamed."""
        rosbag = self.get_object()
        archive = downloads.archive(rosbag)
        identity = hashlib.sha256(
            f"{rosbag.content_digest}/{archive.filename}".encode()
        ).hexdigest()
        # Weak: the files are the same, but the zip headers contain the time of the request.
        etag = f'W/"{identity}"' if rosbag.content_digest else ""
        download = FileDownload(
            archive.filename,
            archive.size,
            etag,
            lambda _range: archive.chunks,
            content_type="application/zip",
            ranges=False,
        )
        return file_response(request._request, download)  # noqa: SLF001
