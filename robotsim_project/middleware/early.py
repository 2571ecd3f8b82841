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
from common.rest.reads.early import EarlyPost, EarlyRead, find
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
    if view is None or request_log.isEnabledFor(logging.INFO):
        return None
    fits = is_simple_get(request) if isinstance(view, EarlyRead) else request.method == "POST"
    try:
        return layers(request) if fits else None
    except REFUSALS:
        return None


def is_simple_get(request: HttpRequest) -> bool:
    """Whether nothing but the address is asked, and JSON is good."""
    meta = request.META
    plain = request.method == "GET" and not meta.get("QUERY_STRING")
    return plain and meta.get("HTTP_ACCEPT", "") in SIMPLE


def respond(request: HttpRequest) -> HttpResponse:
    """Call the registered view, below the layers that an early answer passes.

    Raises:
        DomainError, Http404, PermissionDenied, SuspiciousOperation: the usual way has to refuse.
    """
    request.get_host()  # refuses hosts that are not ours
    view = find(request.path_info)
    assert view is not None  # noqa: S101  the callers have asked
    response = view.view(request) if isinstance(view, EarlyPost) else read(request, view)
    response.headers.setdefault("Content-Length", str(len(response.content)))
    count_early_answer(view.route, request.method or "", response)
    return response


_framed = XFrameOptionsMiddleware(respond)
layers: Callable[[HttpRequest], HttpResponse] = cast(
    Any, LocaleMiddleware(ConditionalGetMiddleware(_framed))
)
"""The layers of the usual way that an early answer needs, in their order."""


def read(request: HttpRequest, view: EarlyRead) -> HttpResponse:
    """Answer who may read; with the database away say so, as the usual way would only wait again."""
    try:
        authorize(request, view.route)
        return HttpResponse(encode(view.reader(view.key)), content_type="application/json")
    except (OperationalError, InterfaceError) as error:
        return outages.database_problem(error).response()


def authorize(request: HttpRequest, route: str) -> None:
    """Let only the bearer of a token pass who may read this.

    Raises:
        BearerRefusedError: the token is not good.
        PermissionDenied: there is no token, or its bearer may not.
    """
    token = header_token(request.headers.get("Authorization", ""))
    if token is None:
        raise PermissionDenied
    bearer = authenticate_bearer(token)
    if not allows(rule_of(route, "GET"), bearer.user, bearer.scopes):
        raise PermissionDenied
