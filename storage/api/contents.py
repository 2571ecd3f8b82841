"""What a rosbag holds, over HTTP: topics, files, single files with ranges, the whole as an archive."""

import hashlib
from collections.abc import Iterator
from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from storage.api import described
from storage.api.filters import TopicFilter
from storage.api.sending import Sending, WhateverIsAccepted, send
from storage.api.serializers import SignedFileSerializer, TopicSerializer
from storage.api.streams import pieces_of
from storage.models import Rosbag
from storage.services.rosbags import downloads


class ContentActions(GenericViewSet[Rosbag]):
    """Actions on one rosbag that only read."""

    ordering: Any = "-id"
    search_fields: Any = ()
    ordering_fields: Any = ()

    @described.TOPICS
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

    @described.FILES
    @action(detail=True, pagination_class=None, filter_backends=())
    def files(self, request: Request, **_kwargs: Any) -> Response:
        """The files of a rosbag, each with an address that ends after a while."""
        files = downloads.file_addresses(self.get_object(), audience="browser")
        return Response(SignedFileSerializer(files, many=True).data)

    @described.FILE
    @action(
        detail=True,
        url_path=r"files/(?P<path>.+)",
        pagination_class=None,
        filter_backends=(),
        content_negotiation_class=WhateverIsAccepted,
    )
    def file(self, request: Request, path: str = "", **_kwargs: Any) -> HttpResponseBase:
        """One file, or a range of it."""
        file = downloads.find_file(self.get_object(), path)
        etag = f'"{file.sha256}"' if file.sha256 else ""

        def pieces(span: range) -> Iterator[bytes]:
            source = downloads.read(file, span)
            return pieces_of(source) if source else iter(())

        sending = Sending(path.rpartition("/")[2], file.size, etag, pieces)
        return send(request._request, sending)  # noqa: SLF001  (streams need Django's)

    @described.ARCHIVE
    @action(
        detail=True,
        pagination_class=None,
        filter_backends=(),
        content_negotiation_class=WhateverIsAccepted,
    )
    def archive(self, request: Request, **_kwargs: Any) -> HttpResponseBase:
        """The bundle's folder as one zip file, made while it is sent; the files are not packed."""
        rosbag = self.get_object()
        archive = downloads.archive(rosbag)
        mark = hashlib.sha256(f"{rosbag.content_digest}/{archive.filename}".encode()).hexdigest()
        # Weak: the same files, but the time in their headers is that of the request.
        etag = f'W/"{mark}"' if rosbag.content_digest else ""
        sending = Sending(
            archive.filename,
            archive.size,
            etag,
            lambda _span: archive.pieces,
            content_type="application/zip",
            ranges=False,
        )
        return send(request._request, sending)  # noqa: SLF001
