"""A short way for what clients poll: an execution and its progress.

The same token check, the same table of rules and the same words as the views, without the dozen layers that
a console needs; three quarters of the time of such a request were theirs. Whatever is not plainly good (no
bearer, no right, no such execution, a query, another kind of answer) takes the usual way, which alone knows
how to refuse. `robotsim_project/tests/test_polled.py` holds both ways against each other.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, set_response_etag

from accounts.exceptions import BearerRefusedError
from accounts.permissions import allows, rule_of
from accounts.services.bearers import authenticate_bearer, header_token
from robotsim_project.renderers import encode
from simulations.api.details import execution_detail
from simulations.services.progress import progress_by_id

ADDRESS = re.compile(
    rf"{re.escape(settings.API_STR)}/executions/(?P<pk>[0-9]{{1,18}})(?P<progress>/progress)?"
)
SIMPLE = frozenset({"", "*/*", "application/json"})
"""What `Accept` may say here."""
HEADERS = {"Allow": "GET, HEAD, OPTIONS", "X-Frame-Options": settings.X_FRAME_OPTIONS}
requests_log = logging.getLogger("django_structlog")
Answered = HttpResponseBase | Awaitable[HttpResponseBase]
GetResponse = Callable[[HttpRequest], Answered]


def polled(get_response: GetResponse) -> GetResponse:
    """Middleware: answer what is polled at once. Under ASGI all goes the usual way."""
    if iscoroutinefunction(get_response):
        return get_response

    def middleware(request: HttpRequest) -> Answered:
        return quick(request) or get_response(request)

    return middleware


def quick(request: HttpRequest) -> HttpResponseBase | None:
    """The answer, or None: the usual way is to find it."""
    found = ADDRESS.fullmatch(request.path_info)
    if found is None or not plain(request):
        return None
    try:
        told = read(request, int(found["pk"]), progress=found["progress"] is not None)
    except (BearerRefusedError, Http404):
        return None
    if told is None:
        return None
    response = HttpResponse(encode(told), content_type="application/json", headers=HEADERS)
    response["Content-Length"] = str(len(response.content))
    set_response_etag(response)
    return get_conditional_response(request, etag=response["ETag"], response=response)


def plain(request: HttpRequest) -> bool:
    """Whether nothing is asked for but the address, and nobody wants it logged."""
    meta = request.META
    return (
        request.method == "GET"
        and not meta.get("QUERY_STRING")
        and meta.get("HTTP_ACCEPT", "") in SIMPLE
        and not requests_log.isEnabledFor(logging.INFO)
    )


def read(request: HttpRequest, pk: int, *, progress: bool) -> Any:
    """What the caller is told; None where it may not be. Raises BearerRefusedError, Http404."""
    token = header_token(request.headers.get("Authorization", ""))
    if token is None:
        return None
    bearer = authenticate_bearer(token)
    rule = rule_of("execution-progress" if progress else "execution-detail", "GET")
    if not allows(rule, bearer.user, bearer.scopes):
        return None
    return progress_by_id(pk) if progress else execution_detail(pk)
