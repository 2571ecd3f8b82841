"""Middleware that makes the current request known to the audit."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from accounts.services.audit import current_request


@sync_and_async_middleware
def remember_request(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Set the request whose user the audit records as the author of changes."""
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            token = current_request.set(request)
            try:
                response: Awaitable[HttpResponseBase] = get_response(request)
                return await response
            finally:
                current_request.reset(token)

        return async_middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        token = current_request.set(request)
        try:
            response: HttpResponseBase = get_response(request)
            return response
        finally:
            current_request.reset(token)

    return sync_middleware
