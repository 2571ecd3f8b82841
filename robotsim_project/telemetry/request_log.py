"""Request ids: each log line names its request, and the response has the id in a header."""

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
from robotsim_project.telemetry.masking import mask

HEADER = "X-Request-ID"
_META = "HTTP_X_REQUEST_ID"
_VALID_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def bind_request_id(requested: str) -> str:
    """Bind a request id to all log lines that follow: the requested one if it is valid, else a new one."""
    request_id = requested if _VALID_ID.fullmatch(requested) else str(uuid.uuid4())
    structlog.contextvars.clear_contextvars()  # left over from an earlier request of this thread
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def request_ids(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Bind the request id before all other middleware, so that their log lines have it as well."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        # Written back for other readers of the header, which thus never see an invalid id.
        request_id = request.META[_META] = bind_request_id(request.META.get(_META, ""))
        response = get_response(request)
        response[HEADER] = request_id
        return response

    return middleware


def _end(**_kwargs: Any) -> None:
    structlog.contextvars.clear_contextvars()


# Django logs a refused request after all middleware has run: until then the id must stay bound.
request_finished.connect(_end, dispatch_uid="robotsim_project.telemetry.request_log")


class RequestLog(RequestMiddleware):
    """Request log with masked URLs, the trusted client address, and an id that stays bound to the end."""

    def handle_response(self, request: HttpRequest, response: Any) -> None:
        bound = structlog.contextvars.get_contextvars()
        super().handle_response(request, response)  # clears the bound values
        structlog.contextvars.bind_contextvars(**bound)

    def process_got_request_exception(
        self, sender: type[Any], request: HttpRequest, **kwargs: Any
    ) -> None:
        """Log exceptions as the library does, except outages, which have their own line without traceback."""
        if not outages.is_outage(sys.exc_info()[1]):
            super().process_got_request_exception(sender, request, **kwargs)

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return mask(f"{request.method} {request.get_full_path()}")

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        structlog.contextvars.bind_contextvars(ip=client_address(request))
