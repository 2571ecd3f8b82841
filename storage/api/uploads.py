"""Upload sessions over HTTP: large bundles in parts, resumed after a broken connection."""

from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import idempotent
from accounts.models import User
from storage.api import described_uploads as described
from storage.api.serializers import RosbagSerializer
from storage.api.upload_serializers import (
    AddressesSerializer,
    CompleteSerializer,
    NewUploadSerializer,
    UploadListSerializer,
    UploadSessionSerializer,
)
from storage.models import Rosbag
from storage.objects import object_store
from storage.services.intake import completion, sessions
from storage.services.intake.parts import MAX_PARTS, FilePlan
from storage.services.intake.sessions import FileState

FIRST_ADDRESSES = 100
FIRST_FILES = 20


class PartsQuery(serializers.Serializer[Any]):
    """Which addresses are asked for."""

    file = serializers.CharField(max_length=400, trim_whitespace=False)
    after = serializers.IntegerField(min_value=0, max_value=MAX_PARTS, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=500)


@extend_schema(tags=["uploads"])
class UploadViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Rosbag]):
    """Uploads in parts; each belongs to who began it, admins may go on with all."""

    queryset = Rosbag.objects.none()
    serializer_class: Any = UploadListSerializer
    filter_backends = ()
    lookup_value_regex = "[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[Rosbag]:
        return sessions.open_sessions_of(_user(self.request)).select_related("created_by")

    @described.LIST
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Open uploads of one's own; an admin's list has those of all."""
        return super().list(request, *args, **kwargs)

    @described.CREATE
    @idempotent
    def create(self, request: Request) -> Response:
        """Begin an upload in parts."""
        asked = NewUploadSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rosbag, begun = sessions.open_session(
            asked.name_of_rosbag(), asked.new_files(), _user(request)
        )
        if not begun:
            return Response(_told(rosbag, []))
        location = f"{request.build_absolute_uri(request.path)}/{rosbag.pk}"
        told = _told(rosbag, sessions.file_states(rosbag))
        return Response(told, status=201, headers={"Location": location})

    @described.RETRIEVE
    def retrieve(self, request: Request, **_kwargs: Any) -> Response:
        """Tell what is stored and what is missing, with fresh addresses."""
        rosbag = self._session()
        path = request.query_params.get("file", "")
        return Response(_told(rosbag, sessions.file_states(rosbag, path)))

    @described.DESTROY
    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Give an upload up: its parts are removed."""
        sessions.abort(self._session())
        return Response(status=204)

    @described.PARTS
    @action(detail=True, pagination_class=None)
    def parts(self, request: Request, **_kwargs: Any) -> Response:
        """Addresses of the parts of one file that are not stored yet."""
        asked = PartsQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        plan = sessions.addresses(
            self._session(), values["file"], after=values["after"], limit=values["limit"]
        )
        return Response(AddressesSerializer(_addresses(plan)).data)

    @described.COMPLETE
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, **_kwargs: Any) -> Response:
        """Join the parts and verify the rosbag in the background; twice gives the same answer."""
        asked = CompleteSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rosbag = completion.complete(self._session(), asked.finished())
        return Response(RosbagSerializer(rosbag).data, status=202)

    def _session(self) -> Rosbag:
        return sessions.find_session(int(self.kwargs["pk"]), _user(self.request))


def _user(request: Request) -> User:
    return cast("User", request.user)  # the table of rules lets nobody else in


def _told(rosbag: Rosbag, states: list[FileState]) -> dict[str, Any]:
    """A session as the API tells it, with the first addresses of what is missing."""
    is_open = sessions.is_open(rosbag)
    find_session = {
        "id": rosbag.pk,
        "state": "open" if is_open else "completed",
        "part_etag": object_store().etag_algorithm,
        "address_seconds": settings.SIGNED_URL_SECONDS,
        "size": rosbag.size,
        "stored_bytes": sum(state.stored_bytes for state in states),
        "files": states,
        "addresses": _first_addresses(rosbag, states) if is_open else [],
        "rosbag": sessions.resulting_rosbag(rosbag),
    }
    return dict(UploadSessionSerializer(find_session).data)


def _first_addresses(rosbag: Rosbag, states: list[FileState]) -> list[dict[str, Any]]:
    found = sessions.first_addresses(rosbag, states, limit=FIRST_ADDRESSES, max_files=FIRST_FILES)
    return [_addresses(plan) for plan in found]


def _addresses(plan: FilePlan) -> dict[str, Any]:
    parts = [
        {"number": part.number, "offset": part.offset, "size": part.size, "url": part.url}
        for part in plan.parts
    ]
    last = plan.parts[-1].number if plan.more else None
    return {"path": plan.path, "parts": parts, "next_after": last}
