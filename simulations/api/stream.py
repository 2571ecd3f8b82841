"""The progress of an execution, stream tickets, and the stream of Server-Sent Events.

The view only checks the request: authentication, permissions and errors are those of the whole API. The
stream itself runs in the server's event loop (`robotsim_project.middleware.streaming`), so that it holds no
thread and no database connection.
"""

from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
import structlog
from django.conf import settings
from django.http import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from accounts.models import User
from accounts.services.bearers import Bearer
from simulations.api.execution_serializers import ProgressSerializer
from simulations.exceptions import (
    StreamUnsupportedError,
    TicketForeignError,
    TooManyWatchersError,
)
from simulations.models import Execution
from simulations.services.progress.progress import progress_by_id
from simulations.streaming import hub, tickets
from simulations.streaming.viewers import Viewer
from simulations.streaming.watcher import watch

HANDED_OVER = "robotsim.streams"
"""Key of the ASGI scope: a list to which the view appends the stream that follows the headers."""
MAX_DIGITS = 18
DEFAULT_AUTHENTICATION = cast(
    list[type[BaseAuthentication]], api_settings.DEFAULT_AUTHENTICATION_CLASSES
)


class TicketSerializer(serializers.Serializer[Any]):
    """A ticket that opens the stream of one execution for a minute, as `?ticket=`."""

    ticket = serializers.CharField()
    expires_at = serializers.DateTimeField()


class EventStreamRenderer(JSONRenderer):
    """Accepts requests for an event stream; it only ever renders errors, as problem documents."""

    media_type = "text/event-stream"
    format = "sse"


class TicketAuthentication(BaseAuthentication):
    """`?ticket=` in the URL; other credentials beside it must be of the same user."""

    def authenticate(self, request: Request) -> tuple[User, Bearer] | None:
        ticket = request.query_params.get("ticket")
        if ticket is None:
            return None
        execution_id = int(request.parser_context["kwargs"]["pk"])
        bearer = tickets.bearer_of(ticket, execution_id)
        for authentication in DEFAULT_AUTHENTICATION:
            result = authentication().authenticate(request)
            if result is not None and result[0].pk != bearer.user.pk:
                raise TicketForeignError(
                    _("The ticket belongs to another user: request one of your own.")
                )
        return bearer.user, bearer

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class TicketScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The ticket as a security scheme of OpenAPI."""

    target_class = TicketAuthentication
    name = "ticket"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "query", "name": "ticket"}


STREAM = {
    (200, "text/event-stream"): OpenApiResponse(
        str,
        description=(
            "`progress`: the newest progress, as of `/progress`. `event`: an entry of the timeline, as of "
            "`/events`, its sequence number as id. `gap`: the events after the given id are no longer "
            "available, or never existed; read `/events` again. `end`: the final status; the stream "
            "closes, do not reconnect. Comments are heartbeats. If a stream closes without `end`, open it "
            "again with the id of the last event."
        ),
    ),
    400: OpenApiResponse(description="The id of the last event is not an integer."),
    401: OpenApiResponse(description="Not signed in, or the ticket is no longer valid."),
    403: OpenApiResponse(description="The ticket is for another execution or another user."),
    404: OpenApiResponse(description="The execution does not exist."),
    501: OpenApiResponse(description="This server cannot keep streams open: use the ASGI server."),
    503: OpenApiResponse(description="Too many watchers on this server; see Retry-After."),
}
LAST_EVENT_PARAMETERS = [
    OpenApiParameter(
        "Last-Event-ID", int, OpenApiParameter.HEADER, description="Continue after this event."
    ),
    OpenApiParameter("last_event_id", int, description="The same, for clients without headers."),
]


class WatchActions:
    """Actions of the execution view set for watching."""

    @extend_schema(responses=ProgressSerializer)
    @action(detail=True, filterset_class=None, pagination_class=None)
    def progress(self, request: Request, pk: str) -> Response:
        """Its progress: overall, of each stage, agents by status, and the expected end."""
        return Response(msgspec.to_builtins(progress_by_id(int(pk))))

    @extend_schema(request=None, responses={201: TicketSerializer})
    @action(detail=True, methods=["post"])
    def ticket(self, request: Request, pk: str) -> Response:
        """Get a ticket to its stream, for browsers: their EventSource sends no Authorization header."""
        execution = get_object_or_404(Execution.objects.only("id"), pk=pk)
        assert isinstance(request.user, User)  # noqa: S101  the access table requires a user
        serializer = TicketSerializer(
            tickets.issue(request.user, execution.pk, sign_in_of(request))
        )
        return Response(serializer.data, status=201, headers={"Cache-Control": "no-store"})

    @extend_schema(
        parameters=LAST_EVENT_PARAMETERS, responses=STREAM, operation_id="executions_stream"
    )
    @action(
        detail=True,
        authentication_classes=[TicketAuthentication, *DEFAULT_AUTHENTICATION],
        renderer_classes=[EventStreamRenderer, JSONRenderer],
        filterset_class=None,
        pagination_class=None,
    )
    def stream(self, request: Request, pk: str) -> HttpResponseBase:
        """Stream progress and events as Server-Sent Events, resumable by Last-Event-ID."""
        last_event = last_event_id(request)
        execution = get_object_or_404(Execution.objects.only("id"), pk=pk)
        streams = getattr(request._request, "scope", {}).get(HANDED_OVER)  # noqa: SLF001
        if streams is None:
            raise StreamUnsupportedError(
                _("This server cannot keep streams open: use the ASGI server.")
            )
        if hub.count_watchers() >= settings.STREAM_WATCHERS:
            raise TooManyWatchersError(_("Too many are watching: try again in a few seconds."))
        if request.method == "GET":
            user = request.user
            assert isinstance(user, User)  # noqa: S101  the access table requires a user
            log_context = structlog.contextvars.get_contextvars()
            viewer = Viewer(user.pk, user.generation, sign_in_of(request))
            streams.append(watch(execution.pk, last_event, viewer, log_context))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(
            empty_body(), content_type="text/event-stream", headers=headers
        )


async def empty_body() -> AsyncIterator[bytes]:
    """Stand in for the body, which the event loop sends."""
    chunks: tuple[bytes, ...] = ()
    for chunk in chunks:
        yield chunk


def sign_in_of(request: Request) -> str:
    """Return the name of the caller's sign-in; empty for API tokens and sessions of the console."""
    return request.auth.sign_in if isinstance(request.auth, Bearer) else ""


def last_event_id(request: Request) -> int | None:
    """Return the sequence number of the last event that the client has received, if any.

    Raises:
        ValidationError: it is not an integer.
    """
    value = request.headers.get("Last-Event-ID") or request.query_params.get("last_event_id") or ""
    if not value:
        return None
    if not (value.isascii() and value.isdecimal()):
        message = _("It must be the id of an event, an integer: leave it out to see all.")
        raise ValidationError({"last_event_id": [message]})
    return int(value[:MAX_DIGITS])
