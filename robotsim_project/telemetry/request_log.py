"""What the log says of requests: each line names its request, and the answer names it too."""

import re
import sys
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.core.signals import request_finished
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_structlog.middlewares import RequestMiddleware

from accounts.services.callers import client_address
from common import outages
from robotsim_project.telemetry.masking import masked

HEADER = "X-Request-ID"
_META = "HTTP_X_REQUEST_ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def begin(given: str) -> str:
    """Bind the id of a request that begins now to each line; a given one that is well formed stays."""
    request_id = given if _WELL_FORMED.fullmatch(given) else str(uuid.uuid4())
    structlog.contextvars.clear_contextvars()  # of the request before, on a thread that stays
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def request_ids(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: the first, so that lines of the others have the id as well."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        # Written back for whoever reads the header: nobody sees a malformed one.
        request_id = request.META[_META] = begin(request.META.get(_META, ""))
        response = get_response(request)
        response[HEADER] = request_id
        return response

    return middleware


def _end(**_words: Any) -> None:
    structlog.contextvars.clear_contextvars()


# Django tells of a refused request after all middlewares: until then the id must hold.
request_finished.connect(_end, dispatch_uid="robotsim_project.telemetry.request_log")


class RequestLog(RequestMiddleware):
    """Addresses without secrets, the caller's address that we believe, and an id that holds to the end."""

    def handle_response(self, request: HttpRequest, response: Any) -> None:
        bound = structlog.contextvars.get_contextvars()
        super().handle_response(request, response)  # forgets all that is bound
        structlog.contextvars.bind_contextvars(**bound)

    def process_got_request_exception(
        self, sender: type[Any], request: HttpRequest, **kwargs: Any
    ) -> None:
        """As in the library; an outage is logged in a line of its own, without a traceback per request."""
        if not outages.is_outage(sys.exc_info()[1]):
            super().process_got_request_exception(sender, request, **kwargs)

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return masked(f"{request.method} {request.get_full_path()}")

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        structlog.contextvars.bind_contextvars(ip=client_address(request))
