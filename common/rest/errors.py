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

WITHOUT_REMEDY = (exceptions.MethodNotAllowed, exceptions.UnsupportedMediaType)
"""Their messages quote the request and never say what to do."""
NON_FIELD_KEYS = frozenset({"non_field_errors", "__all__"})

log = structlog.get_logger(__name__)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """Answer an exception of a view with a problem document, never with a traceback."""
    set_rollback()
    api_exception = as_api_exception(error)
    if api_exception is not None:
        return api_exception_response(api_exception)
    if isinstance(error, DomainError):
        return problem_response(Problem.of(error))
    if (outage := outages.problem_for(error)) is not None:
        return problem_response(outage)
    view = type(context.get("view")).__name__
    log.error("request_failed", view=view, exc_info=error)
    return problem_response(internal_error())


def as_api_exception(error: Exception) -> exceptions.APIException | None:
    """Return the equivalent exception of REST framework, None when there is none."""
    equivalent: exceptions.APIException | None = None
    match error:
        case exceptions.APIException():
            equivalent = error
        case Http404():
            equivalent = exceptions.NotFound()
        case django_errors.PermissionDenied():
            equivalent = exceptions.PermissionDenied()
        case django_errors.ValidationError():
            equivalent = exceptions.ValidationError(as_serializer_error(error))
        case django_errors.RequestDataTooBig():
            equivalent = TooLarge()
        case django_errors.SuspiciousOperation() | UnreadablePostError():
            equivalent = exceptions.ParseError()
    return equivalent


def api_exception_response(error: exceptions.APIException) -> Response:
    """Answer an exception of REST framework; a failed validation points at each invalid value."""
    if isinstance(error, exceptions.ValidationError):
        errors = field_errors(error.get_full_details(), "")
        detail = _("The request has %(count)d errors.") % {"count": len(errors)}
        if len(errors) == 1:
            detail = errors[0].detail
        return problem_response(Problem(error.status_code, "INVALID", detail, errors))
    problem = Problem(error.status_code, code_of(error).upper(), detail_of(error))
    response = problem_response(problem)
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(int(wait))
    return response


def detail_of(error: exceptions.APIException) -> str:
    """Return the message of an exception, or the remedy where the message is REST framework's own."""
    detail = error.detail["detail"] if isinstance(error.detail, dict) else error.detail
    if isinstance(error, WITHOUT_REMEDY) or str(detail) == str(error.default_detail):
        return str(REMEDIES.get(code_of(error), detail))
    return str(detail)


def code_of(error: exceptions.APIException) -> str:
    """Return the code of an exception, such as `not_found`."""
    codes = error.get_codes()
    if isinstance(codes, dict):
        codes = codes.get("code", error.default_code)
    return str(codes)


def field_errors(details: Any, pointer: str) -> list[FieldError]:
    """Flatten the nested details of a ValidationError into errors with JSON pointers."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        return [FieldError(pointer, str(details["message"]), str(details["code"]).upper())]
    errors: list[FieldError] = []
    for key, child in _children(details):
        errors += field_errors(child, pointer if key is None else f"{pointer}/{key}")
    return errors


def _children(details: Any) -> list[tuple[str | None, Any]]:
    """Return the children of nested details by escaped key; None: the child is about its parent."""
    if isinstance(details, dict):
        return [
            (
                None if key in NON_FIELD_KEYS else str(key).replace("~", "~0").replace("/", "~1"),
                child,
            )
            for key, child in details.items()
        ]
    messages = all(isinstance(item, dict) and set(item) == {"message", "code"} for item in details)
    return [(None if messages else str(index), item) for index, item in enumerate(details)]


def problem_response(problem: Problem) -> Response:
    """Return a problem document for REST framework to render."""
    return Response(
        problem.document(),
        status=problem.status,
        headers=problem.headers(),
        content_type=MEDIA_TYPE,
    )
