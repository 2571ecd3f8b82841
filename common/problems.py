"""Problem documents (RFC 9457), the one form of every error of the API; made here alone."""

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
        "This address does not take this method. The header Allow lists those that it takes."
    ),
    "not_acceptable": gettext_lazy("The answer is JSON only: send Accept: application/json."),
    "parse_error": gettext_lazy("The body cannot be read. Check it against /docs."),
    "unsupported_media_type": gettext_lazy(
        "The body is of a type that this address does not read. Check Content-Type; see /docs."
    ),
}
"""What to do, by the framework's codes: its own sentences say only that something is wrong."""


@dataclass(frozen=True)
class Problem:
    """What went wrong; `challenge` tells who is not signed in how to sign in, `retry_after` is seconds."""

    status: int
    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    retry_after: int | None = None
    challenge: str = "Bearer"

    @classmethod
    def of(cls, error: DomainError, *, challenge: str = "Bearer") -> Self:
        """Describe what an app refused."""
        return cls(error.status, error.code, str(error), error.errors, error.retry_after, challenge)

    def document(self) -> dict[str, Any]:
        """The members of the document; `errors` is left out when empty."""
        members: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        return {**members, "errors": [asdict(e) for e in self.errors]} if self.errors else members

    def headers(self) -> dict[str, str]:
        """The headers that go with it, beside its type."""
        headers = {}
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = self.challenge
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return headers

    def response(self) -> JsonResponse:
        """The answer of a view that is none of the REST framework."""
        return JsonResponse(
            self.document(),
            status=self.status,
            content_type=MEDIA_TYPE,
            headers=self.headers(),
        )


def internal_error() -> Problem:
    """The problem of a mistake of ours; what happened is in the log only."""
    text = _("Something went wrong here; it has been logged. Try again, or ask an administrator.")
    return Problem(500, "INTERNAL_ERROR", text)
