"""HTTP endpoints of rosbags."""

from collections.abc import Iterator
from contextlib import contextmanager
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
from storage.api import rosbag_schema
from storage.api.contents import ContentActions
from storage.api.filters import NullableOrdering, RosbagFilter
from storage.api.parsers import BundleForm
from storage.api.previews import PreviewActions
from storage.api.senders import language_of
from storage.api.serializers import (
    RenameSerializer,
    RosbagDetailSerializer,
    RosbagSerializer,
    UploadSerializer,
)
from storage.models import Rosbag
from storage.services.intake import imports
from storage.services.intake.imports import StoredBundle
from storage.services.rosbags import deletion, renaming
from storage.services.verification import verifier

DELETED_RULE = Rule(Role.OPERATOR, Scope.UPLOAD)
MAX_TOPICS_IN_DETAIL = 100


@contextmanager
def stored_form(request: Request) -> Iterator[StoredBundle]:
    """Store the files of a form, before the transaction of its request."""
    form = UploadSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    files = [(file.name, file.file) for file in form.validated_data["files"]]
    for _name, stream in files:
        stream.seek(0)  # it may have been read by the idempotency check
    name = form.validated_data["name"] or bare_name(files[0][0])
    language = language_of(request)
    with imports.stored_files(name, files, created_by=request.user, language=language) as bundle:
        yield bundle


def verified_later(rosbag: Rosbag) -> Response:
    """Answer with a rosbag whose verification was requested."""
    location = reverse("rosbag-detail", args=[rosbag.pk])
    return Response(RosbagSerializer(rosbag).data, status=202, headers={"Location": location})


@extend_schema_view(list=rosbag_schema.LIST, retrieve=rosbag_schema.RETRIEVE)
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
        """Accept a form for a new bundle and JSON for everything else; other types are refused with 415."""
        method = (self.request.method or "").lower() if self.request else ""
        action_name = getattr(self, "action_map", {}).get(method) or getattr(self, "action", None)
        return [BundleForm()] if action_name == "create" else [BoundedJSONParser()]

    def get_queryset(self) -> QuerySet[Rosbag]:
        return Rosbag.objects.select_related("created_by")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self._deleted() and not allows(DELETED_RULE, request.user, _scopes(request)):
            raise PermissionDenied

    def get_object(self) -> Rosbag:
        """Find the rosbag of the URL; a deleted one only with `?deleted=true`."""
        rosbags = self.get_queryset().filter(deleted_at__isnull=not self._deleted())
        rosbag = rosbags.filter(pk=self.kwargs["pk"]).first()
        if rosbag is None:
            raise Http404
        return rosbag

    def retrieve(self, request: Request, **_kwargs: Any) -> Response:
        """Read one rosbag."""
        rosbag: Any = self.get_object()
        topics = list(rosbag.topics.all()[: MAX_TOPICS_IN_DETAIL + 1])
        rosbag.first_topics = topics[:MAX_TOPICS_IN_DETAIL]
        complete = len(topics) <= MAX_TOPICS_IN_DETAIL
        rosbag.topic_count = len(topics) if complete else rosbag.topics.count()
        return Response(RosbagDetailSerializer(rosbag).data)

    @rosbag_schema.CREATE
    @idempotent(prepare=stored_form)
    def create(self, request: Request, bundle: StoredBundle) -> Response:
        """Store a small bundle; it is verified in the background."""
        return verified_later(bundle.verify())

    @rosbag_schema.RENAME
    def partial_update(self, request: Request, **_kwargs: Any) -> Response:
        """Rename a rosbag."""
        rosbag = self.get_object()
        serializer = RenameSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        renaming.rename(rosbag, serializer.validated_data.get("name", rosbag.name))
        return Response(RosbagSerializer(rosbag).data)

    @rosbag_schema.DESTROY
    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Delete a rosbag; refused while a template uses it, or an execution that has not ended."""
        deletion.delete(self.get_object())
        return Response(status=204)

    @rosbag_schema.RESTORE
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, **_kwargs: Any) -> Response:
        """Restore a deleted rosbag; one that is not deleted stays as it is."""
        rosbag = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if rosbag is None:
            raise Http404
        deletion.restore(rosbag)
        return Response(RosbagSerializer(rosbag).data)

    @rosbag_schema.VERIFY
    @action(detail=True, methods=["post"])
    @idempotent
    def verify(self, request: Request, **_kwargs: Any) -> Response:
        """Verify a rosbag again, in the background."""
        rosbag = self.get_object()
        verifier.verify_again(rosbag)
        return verified_later(rosbag)

    @rosbag_schema.BULK_DELETE
    @action(detail=False, methods=["post"], url_path="bulk/delete", url_name="bulk-delete")
    def bulk_delete(self, request: Request) -> Response:
        """Delete many rosbags; each is deleted or refused on its own."""
        rosbags = Rosbag.objects.living()
        answer = bulk.run_action(
            request.data, lambda ids: rosbags.filter(pk__in=ids), deletion.delete
        )
        return Response(answer)

    def _deleted(self) -> bool:
        values = self.request.query_params.getlist("deleted", ["false"])
        if len(values) != 1 or values[0].lower() not in BOOLEANS:
            raise ValidationError({"deleted": [_("Send true or false, once.")]})
        return values[0].lower() == "true"


def _scopes(request: Request) -> frozenset[str] | None:
    """Scopes of an API token; None for a user session."""
    scopes = getattr(request.auth, "scopes", None)
    return None if scopes is None else frozenset(scopes)
