"""Problem documents (RFC 9457), the format of every error of the API; only made here."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Self

from django.http import JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.exceptions import DomainError, FieldError, NotFoundError

MEDIA_TYPE = "application/problem+json"

REMEDIES = {
    "not_authenticated": gettext_lazy(
        "Sign in at auth/signin and send the access token: Authorization: Bearer <token>."
    ),
    "permission_denied": gettext_lazy(
        "Your role, or the scopes of your token, do not allow this. Ask an admin."
    ),
    "not_found": NotFoundError.message,
    "method_not_allowed": gettext_lazy(
        "This endpoint does not support this method. The Allow header lists those that it supports."
    ),
    "not_acceptable": gettext_lazy("Responses are JSON only: send Accept: application/json."),
    "parse_error": gettext_lazy("The body cannot be read. Check it against /docs."),
    "unsupported_media_type": gettext_lazy(
        "This endpoint does not accept this type of body. Check Content-Type; see /docs."
    ),
}
"""Remedies by the codes of REST framework, whose own messages only say that something is wrong."""


@dataclass(frozen=True)
class Problem:
    """An error to report; `challenge` is the WWW-Authenticate of a 401, `retry_after` is in seconds."""

    status: int
    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    retry_after: int | None = None
    challenge: str = "Bearer"

    @classmethod
    def of(cls, error: DomainError, *, challenge: str = "Bearer") -> Self:
        """Describe an error of a service."""
        return cls(error.status, error.code, str(error), error.errors, error.retry_after, challenge)

    def document(self) -> dict[str, Any]:
        """Return the members of the document, without `errors` when there are none."""
        members: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": _encodable(self.detail),
            "code": self.code,
        }
        if self.errors:
            members["errors"] = [
                {name: _encodable(text) for name, text in asdict(error).items()}
                for error in self.errors
            ]
        return members

    def headers(self) -> dict[str, str]:
        """Return the headers of the response, except Content-Type."""
        headers = {}
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = self.challenge
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return headers

    def response(self) -> JsonResponse:
        """Return the response of a view outside REST framework."""
        return JsonResponse(
            self.document(),
            status=self.status,
            content_type=MEDIA_TYPE,
            headers=self.headers(),
        )


def _encodable(text: str) -> str:
    """The text without lone surrogates: a message may quote a request, and no JSON in UTF-8 has them."""
    return str(text).encode(errors="replace").decode()


def internal_error() -> Problem:
    """Describe an unexpected exception; the details are only in the log."""
    text = _("Something went wrong on the server and has been logged. Try again, or ask an admin.")
    return Problem(500, "INTERNAL_ERROR", text)
