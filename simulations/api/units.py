"""What units call. Plain views: a heartbeat from each unit each second must be cheap."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from agent.protocol import (
    Message,
    RecordingAccepted,
    RecordingComplete,
    RecordingOffer,
    Registration,
    Snapshot,
    decode,
    encode,
)
from simulations.exceptions import SimulationError
from simulations.services import recordings, units
from storage.choices import Status
from storage.client.base import StoreError
from storage.exceptions import StorageError
from storage.tasks import request_verification

MOST_BYTES = 4 * 2**20

Handler = Callable[[int, bytes], Message]


def unit_view(handler: Handler) -> Callable[[HttpRequest], HttpResponse]:
    """A view that checks the unit's token, and tells refusals as problem documents."""

    @csrf_exempt  # units carry a token of their own and no cookie
    @require_POST
    @wraps(handler)
    def view(request: HttpRequest) -> HttpResponse:
        kind, _space, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if kind != "Unit":
                return _problem(401, "UNAUTHENTICATED", "Send Authorization: Unit <token>.")
            execution = units.execution_of(token)
            if int(request.headers.get("Content-Length") or 0) > MOST_BYTES:
                return _problem(413, "TOO_LARGE", "A message has at most 4 MiB.")
            answer = handler(execution, request.body)
        except ValueError as error:
            return _problem(400, "MESSAGE_INVALID", str(error))
        except (SimulationError, StorageError, StoreError) as error:
            return _problem(error.status, error.code, str(error))
        return HttpResponse(encode(answer), content_type="application/json")

    return view


def _problem(status: int, code: str, detail: str) -> HttpResponse:
    body = {"type": "about:blank", "status": status, "code": code, "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json")


@unit_view
def register(execution: int, body: bytes) -> Message:
    """Open an attempt; the answer is its assignment."""
    return units.register(execution, decode(body, Registration))


@unit_view
def report(execution: int, body: bytes) -> Message:
    """Take a heartbeat; the answer is the command."""
    return units.report(execution, decode(body, Snapshot))


@unit_view
def recording(execution: int, body: bytes) -> Message:
    """Give a finished recording its place in storage."""
    return recordings.offer(execution, decode(body, RecordingOffer))


@unit_view
def recording_complete(execution: int, body: bytes) -> Message:
    """Join an uploaded recording and have it verified."""
    message = decode(body, RecordingComplete)
    rosbag = recordings.complete(execution, message)
    if rosbag.status == Status.VERIFYING:
        request_verification(rosbag.pk)
    return RecordingAccepted(recording=message.recording)
