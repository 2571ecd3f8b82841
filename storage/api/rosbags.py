"""Rosbags over HTTP."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.idempotency import idempotent
from accounts.choices import Role, Scope
from accounts.permissions import Rule, allows
from common.rest import bulk
from common.rest.filters import FilterBackend, SearchBackend
from common.rest.parsers import BoundedJSONParser
from common.rest.query_params import BOOLEANS
from rosbag2.reading.archive import bare_name
from storage.api import described
from storage.api.bodies import BundleForm
from storage.api.contents import ContentActions
from storage.api.filters import NullableOrdering, RosbagFilter
from storage.api.previews import PreviewActions
from storage.api.serializers import (
    RenameSerializer,
    RosbagDetailSerializer,
    RosbagSerializer,
    UploadSerializer,
)
from storage.models import Rosbag
from storage.services.intake import imports
from storage.services.rosbags import deletion, renaming
from storage.services.verification import verifier

SEES_DELETED = Rule(Role.OPERATOR, Scope.UPLOAD)
FIRST_TOPICS = 100


@extend_schema_view(list=described.LIST, retrieve=described.RETRIEVE)
@extend_schema(tags=["rosbags"])
class RosbagViewSet(
    ContentActions, PreviewActions, mixins.ListModelMixin, viewsets.GenericViewSet[Rosbag]
):
    """Stored rosbag2 bundles."""

    queryset = Rosbag.objects.all()
    serializer_class: Any = RosbagSerializer
    filter_backends = (FilterBackend, SearchBackend, NullableOrdering)
    filterset_class: Any = RosbagFilter
    search_fields = ("name", "^content_digest")
    ordering_fields: Any = ["id", "name", "created_at", "size", "duration_ns", "message_count"]
    lookup_value_regex = "[0-9]{1,18}"

    def get_parsers(self) -> list[BaseParser]:
        """Only a new bundle comes as a form, everything else is JSON; the rest is answered 415."""
        method = (self.request.method or "").lower() if self.request else ""
        named = getattr(self, "action_map", {}).get(method) or getattr(self, "action", None)
        return [BundleForm()] if named == "create" else [BoundedJSONParser()]

    def get_queryset(self) -> QuerySet[Rosbag]:
        return Rosbag.objects.select_related("created_by")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self._deleted() and not allows(SEES_DELETED, request.user, _scopes(request)):
            raise PermissionDenied

    def get_object(self) -> Rosbag:
        """The rosbag of the address; a deleted one only where `?deleted=true` asks for it."""
        rosbags = self.get_queryset().filter(deleted_at__isnull=not self._deleted())
        rosbag = rosbags.filter(pk=self.kwargs["pk"]).first()
        if rosbag is None:
            raise Http404
        return rosbag

    def retrieve(self, request: Request, **_kwargs: Any) -> Response:
        """Tell all of a rosbag."""
        rosbag: Any = self.get_object()
        topics = list(rosbag.topics.all()[: FIRST_TOPICS + 1])
        rosbag.first_topics = topics[:FIRST_TOPICS]
        all_here = len(topics) <= FIRST_TOPICS
        rosbag.topic_count = len(topics) if all_here else rosbag.topics.count()
        return Response(RosbagDetailSerializer(rosbag).data)

    @described.CREATE
    @idempotent
    def create(self, request: Request) -> Response:
        """Store a small bundle; it is verified in the background."""
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        files = [(file.name, file.file) for file in form.validated_data["files"]]
        for _name, stream in files:
            stream.seek(0)  # it may have been read for its checksum
        name = form.validated_data["name"] or bare_name(files[0][0])
        rosbag = imports.import_files(name, files, created_by=request.user)
        response = Response(RosbagSerializer(rosbag).data, status=202)
        response["Location"] = reverse("rosbag-detail", args=[rosbag.pk])
        return response

    @described.RENAME
    def partial_update(self, request: Request, **_kwargs: Any) -> Response:
        """Give a rosbag another name."""
        rosbag = self.get_object()
        asked = RenameSerializer(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        renaming.rename(rosbag, asked.validated_data.get("name", rosbag.name))
        return Response(RosbagSerializer(rosbag).data)

    @described.DESTROY
    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Hide a rosbag; refused while a template uses it."""
        deletion.delete(self.get_object())
        return Response(status=204)

    @described.RESTORE
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, **_kwargs: Any) -> Response:
        """Bring a deleted rosbag back; one that was not deleted stays as it is."""
        rosbag = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if rosbag is None:
            raise Http404
        deletion.restore(rosbag)
        return Response(RosbagSerializer(rosbag).data)

    @described.VERIFY
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, **_kwargs: Any) -> Response:
        """Verify a rosbag again, in the background."""
        rosbag = self.get_object()
        verifier.ask_again(rosbag)
        return Response(RosbagSerializer(rosbag).data, status=202)

    @described.BULK_DELETE
    @action(detail=False, methods=["post"], url_path="bulk/delete", url_name="bulk-delete")
    def bulk_delete(self, request: Request) -> Response:
        """Hide many rosbags; each is hidden or refused for itself."""
        rosbags = Rosbag.objects.living()
        answer = bulk.run_action(
            request.data, lambda ids: rosbags.filter(pk__in=ids), deletion.delete
        )
        return Response(answer)

    def _deleted(self) -> bool:
        asked = self.request.query_params.getlist("deleted", ["false"])
        if len(asked) != 1 or asked[0].lower() not in BOOLEANS:
            raise ValidationError({"deleted": [_("Send true or false, once.")]})
        return asked[0].lower() == "true"


def _scopes(request: Request) -> frozenset[str] | None:
    """Scopes of a program's token, None for a person."""
    scopes = getattr(request.auth, "scopes", None)
    return None if scopes is None else frozenset(scopes)
