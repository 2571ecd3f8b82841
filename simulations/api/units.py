"""The endpoints of units, as plain Django views: each unit sends a heartbeat every second."""

from collections.abc import Callable
from functools import wraps

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import Counter

from agent.protocol import (
    Echo,
    Message,
    RecordingAccepted,
    RecordingClosed,
    Registration,
    SegmentComplete,
    SegmentOffer,
    Snapshot,
    decode,
    encode,
)
from common import outages
from common.exceptions import DomainError
from common.problems import Problem
from common.rest.reads.early import MAX_BYTES, early
from simulations.exceptions import RedisUnreachableError
from simulations.services.runs import hearing, recording_uploads, registration, reports, tokens

SCHEME = "Unit"
"""Scheme of the Authorization header of units."""

HEARTBEATS = Counter(
    "robotsim_heartbeats",
    "Heartbeats of units that this server has answered, by the status of the answer.",
    ["status"],
)

Handler = Callable[[int, bytes], Message]


def unit_view(handler: Handler) -> Callable[[HttpRequest], HttpResponse]:
    """Make a handler a view that checks the unit's token and answers errors as problem documents."""

    @csrf_exempt  # units send a token and no cookie
    @wraps(handler)
    def view(request: HttpRequest) -> HttpResponse:
        try:
            return _refusal(request) or HttpResponse(
                encode(handler(execution_of(request), request.body)),
                content_type="application/json",
            )
        except ValueError as error:
            return Problem(400, "MESSAGE_INVALID", str(error)).response()
        except DomainError as error:
            return Problem.of(error, challenge=SCHEME).response()
        except (OperationalError, InterfaceError) as error:
            return outages.database_problem(error).response()
        except RedisUnreachableError as error:
            return Problem(503, "REDIS_UNAVAILABLE", str(error)).response()

    return view


def execution_of(request: HttpRequest) -> int:
    """Return the execution of the unit's token, and add it to the log context.

    Raises:
        UnitRefusedError: The token is not valid.
    """
    execution = tokens.execution_of(_token(request))
    structlog.contextvars.bind_contextvars(execution=execution)
    return execution


def _token(request: HttpRequest) -> str:
    return request.headers.get("Authorization", "").partition(" ")[2]


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """Answer a request that is wrong before its token and message are read."""
    if request.method != "POST":
        answer = Problem(405, "METHOD_NOT_ALLOWED", _("Send it with POST.")).response()
        answer["Allow"] = "POST"
        return answer
    if request.headers.get("Authorization", "").partition(" ")[0] != SCHEME:
        text = _("Send Authorization: Unit <token>.")
        return Problem(401, "UNAUTHENTICATED", text, challenge=SCHEME).response()
    if int(request.headers.get("Content-Length") or 0) > MAX_BYTES:
        text = _("A message has at most 4 MiB: send it in pieces.")
        return Problem(413, "TOO_LARGE", text).response()
    return None


@unit_view
def register(execution: int, body: bytes) -> Message:
    """Register an attempt and return its assignment."""
    return registration.register(execution, decode(body, Registration))


@unit_view
def _report(execution: int, body: bytes) -> Message:
    return reports.report(execution, decode(body, Snapshot))


@early
@csrf_exempt
def report(request: HttpRequest) -> HttpResponse:
    """Store a heartbeat and return the command."""
    status = 500
    try:
        response = _report(request)
        status = response.status_code
    finally:
        HEARTBEATS.labels(str(status)).inc()
    return response


@early
@unit_view
def echo(_execution: int, body: bytes) -> Message:
    """Answer what was sent, after it has taken the path of a heartbeat."""
    message = decode(body, Echo)
    hearing.take_echo()
    return message


@unit_view
def recording(execution: int, body: bytes) -> Message:
    """Return the upload URLs for a closed segment of a recording."""
    return recording_uploads.offer(execution, decode(body, SegmentOffer))


@unit_view
def recording_complete(execution: int, body: bytes) -> Message:
    """Complete the upload of a segment."""
    row = recording_uploads.complete(execution, decode(body, SegmentComplete))
    return RecordingAccepted(recording=row.pk)


@unit_view
def recording_close(execution: int, body: bytes) -> Message:
    """Close a recording and start its verification."""
    row = recording_uploads.close(execution, decode(body, RecordingClosed))
    return RecordingAccepted(recording=row.pk)
