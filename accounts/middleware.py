"""Middleware of the accounts: who changes what, for the audit."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from accounts.services.audit import current_request


@sync_and_async_middleware
def remember_request(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Make the request known to the audit: while it is answered, its user is the one who changes things."""
    if iscoroutinefunction(get_response):

        async def waiting(request: HttpRequest) -> HttpResponseBase:
            held = current_request.set(request)
            try:
                answer: Awaitable[HttpResponseBase] = get_response(request)
                return await answer
            finally:
                current_request.reset(held)

        return waiting

    def plain(request: HttpRequest) -> HttpResponseBase:
        held = current_request.set(request)
        try:
            response: HttpResponseBase = get_response(request)
            return response
        finally:
            current_request.reset(held)

    return plain
