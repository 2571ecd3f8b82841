"""Problem documents (RFC 9457), the one form of every error of the API."""

from http import HTTPStatus
from typing import Any

from django.utils.translation import gettext as _

MEDIA_TYPE = "application/problem+json"


def members(
    status: int, code: str, detail: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """The members of a document; `errors` are wrong values by JSON pointer, left out when empty."""
    found: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return {**found, "errors": errors} if errors else found


def internal_error() -> dict[str, Any]:
    """The document of a mistake of ours; what happened is in the log only."""
    text = _("Something went wrong here; it has been logged. Try again, or ask an administrator.")
    return members(500, "INTERNAL_ERROR", text)
