"""Early answers: what is polled or reported each second, past the layers that only a console needs.

Views register with `common.rest.reads.early`. The token check, the access table and the functions that make
an answer are those of the usual way. Whatever is not plainly good (no bearer, no right, no such execution, a
query, another kind of answer) takes the usual way, which alone knows how to refuse.
`tests/api/test_early_answers.py` compares both ways for each registered view.
"""

import logging
from collections.abc import Callable
from typing import Any, cast

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.http import ConditionalGetMiddleware
from django.middleware.locale import LocaleMiddleware

from accounts.permissions import allows, rule_of
from accounts.services.bearers import authenticate_bearer, header_token
from common import outages
from common.exceptions import DomainError
from common.rest.reads.early import EarlyView, find
from common.rest.renderers import encode
from robotsim_project.telemetry.http_metrics import count_early_answer

SIMPLE = frozenset({"", "*/*", "application/json"})
"""Values of `Accept` that are answered early."""
REFUSALS = (DomainError, Http404, PermissionDenied, SuspiciousOperation)
request_log = logging.getLogger("django_structlog")
GetResponse = Callable[[HttpRequest], HttpResponseBase]


def early_answers(get_response: GetResponse) -> GetResponse:
    """Middleware: answer early, or take the usual way."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return answer(request) or get_response(request)

    return middleware


def answer(request: HttpRequest) -> HttpResponseBase | None:
    """The early answer to a request; None sends it the usual way."""
    view = find(request.path_info)
    if view is None or view.method != request.method or not is_simple(request):
        return None
    try:
        return layers(request)
    except REFUSALS:
        return None


def is_simple(request: HttpRequest) -> bool:
    """True for a request without a query that accepts JSON, unless requests are logged."""
    meta = request.META
    plain = not meta.get("QUERY_STRING") and meta.get("HTTP_ACCEPT", "") in SIMPLE
    return plain and not request_log.isEnabledFor(logging.INFO)


def respond(request: HttpRequest) -> HttpResponse:
    """Call the registered view, below the layers that an early answer passes.

    Raises:
        DomainError, Http404, PermissionDenied, SuspiciousOperation: the usual way has to refuse.
    """
    request.get_host()  # refuses hosts that are not ours
    view = find(request.path_info)
    assert view is not None  # noqa: S101  the callers have asked
    response = read(request, view) if view.method == "GET" else view.answer(request)
    response.headers.setdefault("Content-Length", str(len(response.content)))
    # Heartbeats have a counter of their own; among these, the alert on errors would see nothing else.
    if view.method == "GET":
        count_early_answer(view.route, response)
    return response


_framed = XFrameOptionsMiddleware(respond)
layers: Callable[[HttpRequest], HttpResponse] = cast(
    Any, LocaleMiddleware(ConditionalGetMiddleware(_framed))
)
"""The layers of the usual way that an early answer needs, in their order."""


def read(request: HttpRequest, view: EarlyView) -> HttpResponse:
    """Answer who may read; with the database away say so, as the usual way would only wait again."""
    try:
        token = header_token(request.headers.get("Authorization", ""))
        bearer = authenticate_bearer(token) if token else None
        if bearer is None or not allows(rule_of(view.route, "GET"), bearer.user, bearer.scopes):
            raise PermissionDenied
        return HttpResponse(encode(view.answer(request)), content_type="application/json")
    except (OperationalError, InterfaceError) as error:
        return outages.database_problem(error).response()
