"""Rosbags over HTTP."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import idempotent
from storage import tasks
from storage.api.filters import RosbagFilter
from storage.api.serializers import (
    RosbagDetailSerializer,
    RosbagSerializer,
    SignedFileSerializer,
    UploadSerializer,
)
from storage.choices import Status
from storage.models import Rosbag
from storage.services import deletion, downloads, intake, verification


class RosbagViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Rosbag]
):
    """Stored rosbag2 bundles."""

    queryset = Rosbag.objects.living()
    serializer_class = RosbagSerializer
    filterset_class = RosbagFilter
    ordering_fields = ["id", "name", "created_at", "size", "duration_ns", "message_count"]
    parser_classes = (MultiPartParser, JSONParser)
    lookup_value_regex = "[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[Rosbag]:
        rosbags = Rosbag.objects.living().select_related("created_by")
        return rosbags.prefetch_related("topics") if self.action == "retrieve" else rosbags

    def get_serializer_class(self) -> type[RosbagSerializer]:
        return RosbagDetailSerializer if self.action == "retrieve" else RosbagSerializer

    @extend_schema(
        request={"multipart/form-data": UploadSerializer}, responses={202: RosbagSerializer}
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Store a small bundle; it is verified in the background."""
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        files = [(file.name, file.file) for file in form.validated_data["files"]]
        for _name, stream in files:
            stream.seek(0)  # it may have been read for its checksum
        name = form.validated_data["name"] or files[0][0]
        rosbag = intake.import_files(name, files, created_by=request.user)
        return self._accepted(rosbag)

    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Hide a rosbag; refused while a template uses it."""
        deletion.delete(self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses={202: RosbagSerializer})
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, **_kwargs: Any) -> Response:
        """Verify a rosbag again."""
        rosbag = self.get_object()
        verification.ask_again(rosbag)
        return self._accepted(rosbag)

    @extend_schema(responses=SignedFileSerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def files(self, request: Request, **_kwargs: Any) -> Response:
        """The files of a rosbag, each with an address that ends after a while."""
        files = downloads.file_addresses(self.get_object(), audience="browser")
        return Response(SignedFileSerializer(files, many=True).data)

    def _accepted(self, rosbag: Rosbag) -> Response:
        if rosbag.status == Status.VERIFYING:
            tasks.request_verification(rosbag.pk)
        return Response(RosbagSerializer(rosbag).data, status=202)
