"""HTTP endpoints of upload sessions: large bundles in parts, resumable."""

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
from rosbag2.formats import file_names
from storage.api import upload_schema
from storage.api.senders import PathField, language_of
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

MAX_FILE_STATES = 1000
MAX_FIRST_PARTS = 1000
MAX_FIRST_OPENED = 20


class PartsQuery(serializers.Serializer[Any]):
    """Query parameters of a page of signed URLs."""

    file = PathField()
    after = serializers.IntegerField(min_value=0, max_value=MAX_PARTS, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=500)


class StateQuery(serializers.Serializer[Any]):
    """Query parameters of a page of the files of an upload."""

    after = serializers.CharField(
        max_length=400, trim_whitespace=False, allow_blank=True, required=False, default=""
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=MAX_FILE_STATES, default=MAX_FILE_STATES
    )


def with_state(request: Request, response: Response) -> Response:
    """Answer with the state of a session, or with the rosbag that has the same content already.

    The URLs are signed for each response; the database never holds one.
    """
    pk = response.data["id"]
    if response.status_code == 201:  # noqa: PLR2004
        rosbag = sessions.find_session(pk, _user(request))
        response.data = _serialize_session(rosbag, sessions.file_states(rosbag))
    else:
        response.data = _serialize_session(sessions.find_same(pk), [])
    return response


@extend_schema(tags=["uploads"])
class UploadViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Rosbag]):
    """Multipart uploads; each belongs to its creator, admins may continue all."""

    queryset = Rosbag.objects.none()
    serializer_class: Any = UploadListSerializer
    filter_backends = ()
    lookup_value_regex = "[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[Rosbag]:
        return sessions.open_sessions_of(_user(self.request)).select_related("created_by")

    @upload_schema.LIST
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Your open uploads; for admins those of all users."""
        return super().list(request, *args, **kwargs)

    @upload_schema.CREATE
    @idempotent(present=with_state)
    def create(self, request: Request) -> Response:
        """Start a multipart upload."""
        serializer = NewUploadSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        rosbag, is_new = sessions.open_session(
            serializer.rosbag_name(),
            serializer.to_new_files(),
            _user(request),
            language=language_of(request),
        )
        data = {"id": rosbag.pk}
        if not is_new:
            return Response(data)
        location = f"{request.build_absolute_uri(request.path)}/{rosbag.pk}"
        return Response(data, status=201, headers={"Location": location})

    @upload_schema.RETRIEVE
    def retrieve(self, request: Request, **_kwargs: Any) -> Response:
        """Read the stored and missing parts of an upload, with new URLs."""
        query = StateQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        page = query.validated_data
        rosbag = self._session()
        path = file_names.normal(request.query_params.get("file", ""))
        states = sessions.file_states(rosbag, path)
        return Response(_serialize_session(rosbag, states, page["after"], page["limit"]))

    @upload_schema.DESTROY
    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Abort an upload: its parts are removed."""
        sessions.abort(self._session())
        return Response(status=204)

    @upload_schema.PARTS
    @action(detail=True, pagination_class=None)
    def parts(self, request: Request, **_kwargs: Any) -> Response:
        """Signed URLs of the missing parts of one file."""
        query = PartsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        parameters = query.validated_data
        plan = sessions.sign_part_urls(
            self._session(),
            parameters["file"],
            after=parameters["after"],
            limit=parameters["limit"],
        )
        return Response(AddressesSerializer(_plan_to_dict(plan)).data)

    @upload_schema.COMPLETE
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, **_kwargs: Any) -> Response:
        """Join the parts and verify the rosbag in the background; repeating it gives the same response."""
        serializer = CompleteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        rosbag = completion.complete(self._session(), serializer.to_finished_uploads())
        return Response(RosbagSerializer(rosbag).data, status=202)

    def _session(self) -> Rosbag:
        return sessions.find_session(int(self.kwargs["pk"]), _user(self.request))


def _user(request: Request) -> User:
    return cast("User", request.user)  # the access table requires a user


def _serialize_session(
    rosbag: Rosbag, states: list[FileState], after: str = "", limit: int = MAX_FILE_STATES
) -> dict[str, Any]:
    """Serialize a session with a page of its files and signed URLs of its first missing parts."""
    is_open = sessions.is_open(rosbag)
    files, more = sessions.page_of(states, after, limit)
    session = {
        "id": rosbag.pk,
        "state": "open" if is_open else "completed",
        "part_etag": object_store().etag_algorithm,
        "address_seconds": settings.SIGNED_URL_SECONDS,
        "size": rosbag.size,
        "stored_bytes": sum(state.stored_bytes for state in states),
        "files": files,
        "next_after": files[-1].file.path if more else None,
        "addresses": _first_parts(rosbag, states) if is_open else [],
        "rosbag": sessions.resulting_rosbag(rosbag),
    }
    return dict(UploadSessionSerializer(session).data)


def _first_parts(rosbag: Rosbag, states: list[FileState]) -> list[dict[str, Any]]:
    plans = sessions.sign_first_part_urls(
        rosbag, states, limit=MAX_FIRST_PARTS, max_opened=MAX_FIRST_OPENED
    )
    return [_plan_to_dict(plan) for plan in plans]


def _plan_to_dict(plan: FilePlan) -> dict[str, Any]:
    parts = [
        {"number": part.number, "offset": part.offset, "size": part.size, "url": part.url}
        for part in plan.parts
    ]
    next_after = plan.parts[-1].number if plan.more else None
    return {"path": plan.path, "parts": parts, "next_after": next_after}
