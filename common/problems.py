"""Problem documents (RFC 9457), the one form of every error of the API."""

from http import HTTPStatus
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

MEDIA_TYPE = "application/problem+json"

REMEDIES = {
    "not_authenticated": gettext_lazy(
        "Sign in at auth/signin and send the access token: Authorization: Bearer <token>."
    ),
    "permission_denied": gettext_lazy(
        "Your role, or the scopes of your token, do not allow this. Ask an admin."
    ),
    "not_found": gettext_lazy("There is nothing with this id, or it was deleted. Check the id."),
    "method_not_allowed": gettext_lazy(
        "This address does not take this method. The header Allow lists those that it takes."
    ),
    "not_acceptable": gettext_lazy("The answer is JSON only: send Accept: application/json."),
    "parse_error": gettext_lazy("The body cannot be read. Check it against /docs."),
    "unsupported_media_type": gettext_lazy(
        "The body is of a type that this address does not read. Check Content-Type; see /docs."
    ),
}
"""What to do, by the framework's codes: its own sentences say only that something is wrong."""


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
