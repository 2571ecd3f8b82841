"""The refresh token in an HttpOnly cookie, for browsers that ask for it.

Browsers send the cookie only to URLs below `auth/`, and not from other sites. Requests that authenticate by
it also need an Origin header that names this server or a trusted origin.
"""

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.exceptions import OriginRefusedError, RefreshMissingError

NAME = "refresh_token"


def path() -> str:
    """Return the path of the cookie."""
    return f"{settings.API_STR}/auth"


def set_refresh_token(response: Response, token: str, expires_at: datetime) -> None:
    """Set the cookie."""
    response.set_cookie(
        NAME,
        token,
        max_age=max(0, int((expires_at - timezone.now()).total_seconds())),
        path=path(),
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )


def delete_refresh_token(response: Response) -> None:
    """Delete the cookie."""
    response.delete_cookie(NAME, path=path(), samesite="Strict")


def get_refresh_token(request: Request, from_body: str | None) -> tuple[str, bool]:
    """Return the refresh token of a request, and True if it is from the cookie; the body goes first.

    Raises:
        RefreshMissingError: there is none.
        OriginRefusedError: the cookie came from an untrusted origin.
    """
    if from_body:
        return from_body, False
    token = request.COOKIES.get(NAME, "")
    if not token:
        raise RefreshMissingError
    if not is_from_trusted_origin(request):
        raise OriginRefusedError
    return token, True


def is_from_trusted_origin(request: Request) -> bool:
    """Check the Origin header, which browsers send with each POST."""
    origin = request.headers.get("Origin", "")
    scheme = "https" if request.is_secure() else "http"
    if origin == f"{scheme}://{request.get_host()}":
        return True
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    return _matches_wildcard(origin)


def _matches_wildcard(origin: str) -> bool:
    """Check for a trusted origin such as `https://*.example.org`, as Django's CSRF middleware does."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    wildcards = [urlsplit(origin) for origin in settings.CSRF_TRUSTED_ORIGINS if "*" in origin]
    return any(
        parts.scheme == wildcard.scheme and parts.netloc.endswith(wildcard.netloc.lstrip("*"))
        for wildcard in wildcards
    )
