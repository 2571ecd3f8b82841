"""The refresh token in a cookie that no script reads, for browsers that ask for it.

The cookie goes to the addresses below `auth/` only, and not with requests from other sites. Where it is what
authenticates, the Origin header has to name this server or a trusted origin as well.
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
    """Where browsers send the cookie."""
    return f"{settings.API_STR}/auth"


def give(response: Response, token: str, expires_at: datetime) -> None:
    """Put a refresh token into the cookie."""
    response.set_cookie(
        NAME,
        token,
        max_age=max(0, int((expires_at - timezone.now()).total_seconds())),
        path=path(),
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )


def take_back(response: Response) -> None:
    """Tell the browser to forget the cookie."""
    response.delete_cookie(NAME, path=path(), samesite="Strict")


def shown(request: Request, in_body: str | None) -> tuple[str, bool]:
    """The refresh token of a request, and whether the cookie brought it; the body goes first.

    Raises:
        RefreshMissingError: there is none.
        OriginRefusedError: the cookie came from a page that may not use it.
    """
    if in_body:
        return in_body, False
    token = request.COOKIES.get(NAME, "")
    if not token:
        raise RefreshMissingError
    if not from_trusted_page(request):
        raise OriginRefusedError
    return token, True


def from_trusted_page(request: Request) -> bool:
    """Whether the Origin header, which browsers send with each POST, is ours or trusted."""
    origin = request.headers.get("Origin", "")
    scheme = "https" if request.is_secure() else "http"
    if origin == f"{scheme}://{request.get_host()}":
        return True
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    return _below_wildcard(origin)


def _below_wildcard(origin: str) -> bool:
    """Whether a trusted origin such as `https://*.example.org` covers it, as in Django's own check."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    trusted = [urlsplit(one) for one in settings.CSRF_TRUSTED_ORIGINS if "*" in one]
    return any(
        parts.scheme == one.scheme and parts.netloc.endswith(one.netloc.lstrip("*"))
        for one in trusted
    )
