"""What the log says of requests, by the library's middleware."""

import sys
from typing import Any

import structlog
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware

from accounts.services.callers import client_address
from robotsim_project import outage
from robotsim_project.masking import masked


class RequestLog(RequestMiddleware):
    """Addresses without secrets, and the caller's address that we believe."""

    def process_got_request_exception(
        self, sender: type[Any], request: HttpRequest, **kwargs: Any
    ) -> None:
        """As in the library; an outage is logged in a line of its own, without a traceback per request."""
        if not outage.means(sys.exc_info()[1]):
            super().process_got_request_exception(sender, request, **kwargs)

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return masked(f"{request.method} {request.get_full_path()}")

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        structlog.contextvars.bind_contextvars(ip=client_address(request))
