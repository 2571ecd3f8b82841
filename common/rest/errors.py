"""The exception handler of the API: errors as problem documents (RFC 9457)."""

from typing import Any

import structlog
from django.core import exceptions as django_errors
from django.http import Http404
from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import set_rollback

from common import outages
from common.exceptions import DomainError, FieldError
from common.problems import MEDIA_TYPE, REMEDIES, Problem, internal_error
from common.rest.parsers import TooLarge

FRAMED = (exceptions.MethodNotAllowed, exceptions.UnsupportedMediaType)
"""Their own sentences name what was sent, and nothing else."""
WHOLE_DOCUMENT = frozenset({"non_field_errors", "__all__"})

log = structlog.get_logger(__name__)


def problem(error: Exception, context: dict[str, Any]) -> Response:
    """Answer an exception of a view as a problem document; never a traceback."""
    set_rollback()
    known = as_api_exception(error)
    if known is not None:
        return of_api_exception(known)
    if isinstance(error, DomainError):
        return answer(Problem.of(error))
    if (away := outages.of(error)) is not None:
        return answer(away)
    view = type(context.get("view")).__name__
    log.error("request_failed", view=view, exc_info=error)
    return answer(internal_error())


def as_api_exception(error: Exception) -> exceptions.APIException | None:
    """Find the framework's exception that means the same, None when there is none."""
    known: exceptions.APIException | None = None
    match error:
        case exceptions.APIException():
            known = error
        case Http404():
            known = exceptions.NotFound()
        case django_errors.PermissionDenied():
            known = exceptions.PermissionDenied()
        case django_errors.ValidationError():
            known = exceptions.ValidationError(as_serializer_error(error))
        case django_errors.RequestDataTooBig():
            known = TooLarge()
        case django_errors.SuspiciousOperation() | UnreadablePostError():
            known = exceptions.ParseError()
    return known


def of_api_exception(error: exceptions.APIException) -> Response:
    """Describe a framework exception; a failed validation points at each wrong value."""
    if isinstance(error, exceptions.ValidationError):
        errors = pointers(error.get_full_details(), "")
        detail = _("The request has %(count)d errors.") % {"count": len(errors)}
        if len(errors) == 1:
            detail = errors[0].detail
        return answer(Problem(error.status_code, "INVALID", detail, errors))
    response = answer(Problem(error.status_code, code_of(error).upper(), sentence_of(error)))
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(int(wait))
    return response


def sentence_of(error: exceptions.APIException) -> str:
    """Say what to do, where the framework's own sentence does not."""
    told = error.detail["detail"] if isinstance(error.detail, dict) else error.detail
    framed = isinstance(error, FRAMED) or str(told) == str(error.default_detail)
    return str(REMEDIES.get(code_of(error), told) if framed else told)


def code_of(error: exceptions.APIException) -> str:
    """Name a framework exception, such as `not_found`."""
    codes = error.get_codes()
    if isinstance(codes, dict):
        codes = codes.get("code", error.default_code)
    return str(codes)


def pointers(details: Any, at: str) -> list[FieldError]:
    """Each wrong value of a nested description, with its JSON pointer into the request's body."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        return [FieldError(at, str(details["message"]), str(details["code"]).upper())]
    found: list[FieldError] = []
    for key, inner in named_parts(details):
        found += pointers(inner, at if key is None else f"{at}/{key}")
    return found


def named_parts(details: Any) -> list[tuple[str | None, Any]]:
    """List the parts of a description; a part without name speaks of the whole."""
    if isinstance(details, dict):
        return [
            (
                None if key in WHOLE_DOCUMENT else str(key).replace("~", "~0").replace("/", "~1"),
                part,
            )
            for key, part in details.items()
        ]
    messages = all(isinstance(part, dict) and set(part) == {"message", "code"} for part in details)
    return [(None if messages else str(at), part) for at, part in enumerate(details)]


def answer(problem: Problem) -> Response:
    """Answer with a problem document, as the REST framework renders it."""
    return Response(
        problem.document(),
        status=problem.status,
        headers=problem.headers(),
        content_type=MEDIA_TYPE,
    )
