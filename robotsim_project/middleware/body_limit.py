"""Limits of the bodies of requests, decided by the head: before a body is read or kept.

Anybody may send a small body: to sign in, to fill in a form, to report. For a larger one the method, the
address and the sender are looked at first. `body_limit_asgi` and
`body_limit_wsgi` hold requests to it before Django sees them.
"""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import Resolver404, resolve
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.permissions import access_table, allows, rule_of
from accounts.services.bearers import authenticate_bearer, header_token
from common import outages
from common.exceptions import DomainError
from common.problems import REMEDIES, Problem
from common.rest.reads.early import MAX_BYTES
from simulations.api.units import execution_of
from storage.api.objects import part_length

SMALL_BYTES = 64 * 2**10
"""Length of a body that is taken from anybody."""
FORM_OVERHEAD_BYTES = 2**20
"""Bytes that a form adds to its files: boundaries, names, other fields."""
LARGE_FORMS = frozenset({"rosbag-list"})
"""Routes that take a form with the files of a bundle."""


class BodyTooLargeError(DomainError):
    """The body is larger than this sender may send to this address."""

    status = 413
    code = "TOO_LARGE"
    message = gettext_lazy("The request is too large. Send large rosbags in parts: POST /uploads.")


class SenderUnknownError(DomainError):
    """A large body from nobody who has signed in."""

    status = 401
    code = "NOT_AUTHENTICATED"
    message = REMEDIES["not_authenticated"]


class SenderRefusedError(DomainError):
    """A large body from somebody whose role or scopes do not admit the call."""

    status = 403
    code = "PERMISSION_DENIED"
    message = REMEDIES["permission_denied"]


class BodyTooSlowError(DomainError):
    """The body has not come in time."""

    status = 408
    code = "TOO_SLOW"
    message = gettext_lazy("The request came too slowly and was ended. Send it again.")


def max_bytes(request: HttpRequest) -> int:
    """Decide by the head of a request how many bytes its body may have.

    Raises:
        DomainError: The sender may not call this at all.
        OperationalError, InterfaceError: The database does not answer.
    """
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return SMALL_BYTES
    own = OWN_CREDENTIALS.get(match.view_name)
    with language_of(request):
        if own is None:
            return max(_of_account(request, match.view_name), SMALL_BYTES)
        return max(own(request, **match.kwargs), SMALL_BYTES)


def _of_account(request: HttpRequest, route: str) -> int:
    """The limit for calls of people and their programs; those of the console are not in the table."""
    rule = rule_of(route, request.method)
    is_listed = route in access_table()
    if is_listed and (rule is None or rule.role is None):
        return SMALL_BYTES  # the view refuses the method, or takes what anybody may send
    user, scopes = _sender(request)
    if user is None:
        raise SenderUnknownError if is_listed else _too_large_unsigned()
    if is_listed and not allows(rule, user, scopes):
        raise SenderRefusedError
    if route in LARGE_FORMS:
        return int(settings.UPLOAD_FORM_BYTES) + FORM_OVERHEAD_BYTES
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)


def _sender(request: HttpRequest) -> tuple[User | None, frozenset[str] | None]:
    """The user of a bearer or a session, and the scopes of an API token."""
    if token := header_token(request.headers.get("Authorization", "")):
        bearer = authenticate_bearer(token)
        return bearer.user, bearer.scopes
    SessionMiddleware(_no_response).process_request(request)
    user = get_user(request)
    return (user if isinstance(user, User) else None), None


def _no_response(_request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


def _too_large_unsigned() -> BodyTooLargeError:
    text = _("Without signing in a request may have %(max)s.")
    return BodyTooLargeError(text % {"max": filesizeformat(SMALL_BYTES)})


def _of_unit(request: HttpRequest) -> int:
    execution_of(request)
    return MAX_BYTES


OWN_CREDENTIALS: dict[str, Callable[..., int]] = {
    "storage-object": part_length,
    "unit-register": _of_unit,
    "unit-report": _of_unit,
    "unit-recording": _of_unit,
    "unit-recording-complete": _of_unit,
    "unit-recording-close": _of_unit,
}
"""Routes that ask for a signed URL or the token of a unit, and what they take from its owner."""


def language_of(request: HttpRequest) -> translation.override:
    """Speak the language of the sender; an error is worded when it is raised."""
    return translation.override(translation.get_language_from_request(request))


def refusal(request: HttpRequest, error: Exception) -> HttpResponse:
    """The answer to a request whose body is not taken.

    Raises:
        Exception: The error itself, when it is neither a refusal nor an outage.
    """
    with language_of(request):
        problem = outages.problem_for(error)
        if problem is None and isinstance(error, DomainError):
            problem = Problem.of(error)
        if problem is None:
            raise error
        return problem.response()
