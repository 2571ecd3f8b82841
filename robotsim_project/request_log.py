"""What the log says of requests, by the library's middleware."""

import structlog
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware

from accounts.services.callers import client_address
from robotsim_project.masking import masked


class RequestLog(RequestMiddleware):
    """Addresses without secrets, and the caller's address that we believe."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return masked(f"{request.method} {request.get_full_path()}")

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        structlog.contextvars.bind_contextvars(ip=client_address(request))
