"""Middleware: sessions that end when they are not used, the request for the audit, and preferences."""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.decorators import sync_and_async_middleware

from accounts.models import User
from accounts.services.audit import current_request
from accounts.services.preferences import preferences_of, zones

RENEWAL_PART = 100
"""A session that is in use is written once in this part of its idle time, not at each request."""
USED_AT = "used_at"
ZONE_COOKIE = "timezone"
"""Zone of the browser, set by a script of the console."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class IdleSessionMiddleware(SessionMiddleware):
    """Django's sessions, which end SESSION_COOKIE_AGE after they were last used by a person.

    What pages ask for by themselves, such as progress and streams, is no use.
    """

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        session = request.session
        if session.accessed and is_use(request) and SESSION_KEY in session:
            now = int(time.time())
            if now - session.get(USED_AT, 0) >= settings.SESSION_COOKIE_AGE / RENEWAL_PART:
                session[USED_AT] = now  # saved by Django, with a new end
        return super().process_response(request, response)


def begin_use(request: HttpRequest, **_signal: Any) -> None:
    """Count a sign-in to the console as use of its session; a signal receiver."""
    if SESSION_KEY in request.session:
        request.session[USED_AT] = int(time.time())


def is_use(request: HttpRequest) -> bool:
    """Tell whether a person did this: opened a page of the console, or changed something."""
    if request.method not in SAFE_METHODS:
        return True
    if request.path_info.startswith(f"{settings.API_STR}/"):
        return False
    # Absent in plain HTTP, where all that browsers ask for counts.
    return request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"


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


@sync_and_async_middleware
def apply_preferences(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Show pages in the language and time zone of the person; the API follows `Accept-Language`."""
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            if not _is_api(request):
                _apply(request, await request.auser())
            try:
                response: Awaitable[HttpResponseBase] = get_response(request)
                return await response
            finally:
                timezone.deactivate()

        return async_middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        if not _is_api(request):
            _apply(request, request.user)
        try:
            response: HttpResponseBase = get_response(request)
            return response
        finally:
            timezone.deactivate()

    return sync_middleware


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(f"{settings.API_STR}/")


def _apply(request: HttpRequest, user: Any) -> None:
    """Activate a person's language and zone; by default those that the browser sent."""
    chosen = preferences_of(user) if isinstance(user, User) else {}
    if language := chosen.get("language"):
        translation.activate(language)
        request.LANGUAGE_CODE = language
    zone = chosen.get("zone") or unquote(request.COOKIES.get(ZONE_COOKIE, ""))
    if zone in zones():
        timezone.activate(ZoneInfo(zone))
