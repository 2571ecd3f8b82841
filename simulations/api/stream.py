"""Watching an execution: its progress, tickets, and the stream of Server-Sent Events.

The view only admits: authentication, rights and errors are those of the whole API. The stream itself is
handed to the server's own loop (`robotsim_project.middleware.streaming`), so that it holds no thread and no
connection.
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
from simulations.api.run_serializers import ProgressSerializer
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
"""Key of the ASGI scope: a list that takes the stream which follows the response's head."""
_DIGITS = 18
USUAL = cast(list[type[BaseAuthentication]], api_settings.DEFAULT_AUTHENTICATION_CLASSES)


class TicketSerializer(serializers.Serializer[Any]):
    """What opens the stream of one execution for a minute, as `?ticket=`."""

    ticket = serializers.CharField()
    expires_at = serializers.DateTimeField()


class EventStreamRenderer(JSONRenderer):
    """Lets clients ask for an event stream; what is rendered by it are errors, as problem documents."""

    media_type = "text/event-stream"
    format = "sse"


class TicketAuthentication(BaseAuthentication):
    """`?ticket=` in the address; who shows another name beside it is refused."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        ticket = request.query_params.get("ticket")
        if ticket is None:
            return None
        execution_id = int(request.parser_context["kwargs"]["pk"])
        user = tickets.user_of(ticket, execution_id)
        for usual in USUAL:
            found = usual().authenticate(request)
            if found is not None and found[0].pk != user.pk:
                raise TicketForeignError(
                    _("The ticket is somebody else's: ask for one of your own.")
                )
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class TicketScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's description calls a ticket."""

    target_class = TicketAuthentication
    name = "ticket"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "query", "name": "ticket"}


STREAM = {
    (200, "text/event-stream"): OpenApiResponse(
        str,
        description=(
            "`progress`: the newest progress, as of `/progress`. `event`: an entry of the timeline, as of "
            "`/events`, its sequence number as id. `gap`: what followed the id that was asked for is not "
            "there any more, or never was; read `/events` again. `end`: the final status; the stream closes, "
            "do not come back. Comments are heartbeats. A stream that closes without `end` is to be opened "
            "again with the id of the last event."
        ),
    ),
    400: OpenApiResponse(description="The id of the last event is no whole number."),
    401: OpenApiResponse(description="Nobody is signed in, or the ticket does not hold any more."),
    403: OpenApiResponse(description="The ticket is for another execution or another user."),
    404: OpenApiResponse(description="There is no such execution."),
    501: OpenApiResponse(description="This server cannot keep streams open: ask the ASGI server."),
    503: OpenApiResponse(description="Too many watchers here; see Retry-After."),
}
SEEN = [
    OpenApiParameter(
        "Last-Event-ID", int, OpenApiParameter.HEADER, description="Go on after this event."
    ),
    OpenApiParameter("last_event_id", int, description="The same, for clients without headers."),
]


class WatchActions:
    """The addresses below an execution that are for watching it."""

    @extend_schema(responses=ProgressSerializer)
    @action(detail=True, filterset_class=None, pagination_class=None)
    def progress(self, request: Request, pk: str) -> Response:
        """How far it is: the whole, each stage, agents by state, and the end that is expected."""
        return Response(msgspec.to_builtins(progress_by_id(int(pk))))

    @extend_schema(request=None, responses={201: TicketSerializer})
    @action(detail=True, methods=["post"])
    def ticket(self, request: Request, pk: str) -> Response:
        """Get a ticket to its stream, for browsers: their EventSource sends no Authorization header."""
        execution = get_object_or_404(Execution.objects.only("id"), pk=pk)
        assert isinstance(request.user, User)  # noqa: S101  the table lets nobody else in
        given = TicketSerializer(tickets.issue(request.user, execution.pk))
        return Response(given.data, status=201, headers={"Cache-Control": "no-store"})

    @extend_schema(parameters=SEEN, responses=STREAM, operation_id="executions_stream")
    @action(
        detail=True,
        authentication_classes=[TicketAuthentication, *USUAL],
        renderer_classes=[EventStreamRenderer, JSONRenderer],
        filterset_class=None,
        pagination_class=None,
    )
    def stream(self, request: Request, pk: str) -> HttpResponseBase:
        """Watch it live, as Server-Sent Events; progress and timeline, resumable by Last-Event-ID."""
        seen = last_seen(request)
        execution = get_object_or_404(Execution.objects.only("id"), pk=pk)
        handed_over = getattr(request._request, "scope", {}).get(HANDED_OVER)  # noqa: SLF001
        if handed_over is None:
            raise StreamUnsupportedError(
                _("This server cannot keep streams open: ask the server that runs under ASGI.")
            )
        if hub.count_watchers() >= settings.STREAM_WATCHERS:
            raise TooManyWatchersError(_("Too many are watching: try again in a few seconds."))
        if request.method == "GET":
            user = request.user
            assert isinstance(user, User)  # noqa: S101  the table lets nobody else in
            bound = structlog.contextvars.get_contextvars()
            viewer = Viewer(user.pk, user.generation)
            handed_over.append(watch(execution.pk, seen, viewer, bound))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(nothing(), content_type="text/event-stream", headers=headers)


async def nothing() -> AsyncIterator[bytes]:
    """Stand for a body that follows."""
    chunks: tuple[bytes, ...] = ()
    for chunk in chunks:
        yield chunk


def last_seen(request: Request) -> int | None:
    """The number of the last event that the client has; None: it has none.

    Raises:
        ValidationError: it is no whole number.
    """
    given = request.headers.get("Last-Event-ID") or request.query_params.get("last_event_id") or ""
    if not given:
        return None
    if not (given.isascii() and given.isdecimal()):
        sentence = _("It must be the id of an event, a whole number: leave it out to see all.")
        raise ValidationError({"last_event_id": [sentence]})
    return int(given[:_DIGITS])
