"""A short way for what clients poll: lists from their beginning, a simulation, an execution, its progress.

The same token check, the same table of rules and the same words as the views, without the dozen layers that
a console needs; three quarters of the time of such a request were theirs. Whatever is not plainly good (no
bearer, no right, no such execution, a query, another kind of answer) takes the usual way, which alone knows
how to refuse. `tests/api/test_polled.py` holds both ways against each other.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, set_response_etag
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from accounts.exceptions import BearerRefusedError
from accounts.permissions import allows, rule_of
from accounts.services.bearers import authenticate_bearer, header_token
from common.exceptions import NotFoundError
from common.rest.errors import exception_handler
from common.rest.reads import FirstPage, Reads
from common.rest.renderers import encode
from robotsim_project.telemetry.http_metrics import answered_early
from simulations.api.details import execution_detail, simulation_detail
from simulations.api.executions import ExecutionViewSet
from simulations.api.run_serializers import ExecutionSerializer
from simulations.api.serializers import SimulationRowSerializer
from simulations.api.simulations import SimulationViewSet
from simulations.services.progress.progress import progress_by_id
from templates.api.serializers import TemplateSerializer
from templates.api.templates import TemplateViewSet

Reader = Callable[[HttpRequest, int], Any]


def first_page(view: type[Reads], serializer: type[Serializer[Any]]) -> Reader:
    """The list of a view, from its beginning."""
    page = FirstPage(view, serializer)
    return lambda request, _pk: page.told(request.build_absolute_uri())


SIMULATIONS = first_page(SimulationViewSet, SimulationRowSerializer)
EXECUTIONS = first_page(ExecutionViewSet, ExecutionSerializer)
TEMPLATES = first_page(TemplateViewSet, TemplateSerializer)
ADDRESS = re.compile(rf"{re.escape(settings.API_STR)}/(\w+)(?:/([0-9]{{1,18}})(/progress)?)?")
READERS: dict[tuple[str, bool, bool], tuple[str, Reader]] = {
    # What, whether one of it, whether its progress: name of the address, and what it tells.
    ("simulations", False, False): ("simulation-list", SIMULATIONS),
    ("simulations", True, False): ("simulation-detail", lambda _r, pk: simulation_detail(pk)),
    ("executions", False, False): ("execution-list", EXECUTIONS),
    ("executions", True, False): ("execution-detail", lambda _r, pk: execution_detail(pk)),
    ("executions", True, True): ("execution-progress", lambda _r, pk: progress_by_id(pk)),
    ("templates", False, False): ("template-list", TEMPLATES),
}
SIMPLE = frozenset({"", "*/*", "application/json"})
"""What `Accept` may say here."""
HEADERS = {"X-Frame-Options": settings.X_FRAME_OPTIONS}
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
    what, pk, progress = found.groups()
    route, reader = READERS.get((what, pk is not None, progress is not None), ("", None))
    try:
        if reader is None or not allowed(request, route):
            return None
        told = reader(request, int(pk or 0))
    except (BearerRefusedError, Http404, NotFoundError, SuspiciousOperation):
        return None
    except (OperationalError, InterfaceError) as error:  # the usual way would only wait again
        return counted(route, rendered(exception_handler(error, {})))
    response = HttpResponse(encode(told), content_type="application/json", headers=HEADERS)
    response["Content-Length"] = str(len(response.content))
    set_response_etag(response)
    answer = get_conditional_response(request, etag=response["ETag"], response=response)
    return counted(route, answer or response)


def counted(route: str, response: HttpResponseBase) -> HttpResponseBase:
    """The same response, once it is among the figures of /metrics."""
    answered_early(route, response)
    return response


def rendered(said: Response) -> HttpResponse:
    """An answer of the framework as one that needs no view."""
    headers = {name: value for name, value in said.items() if name != "Content-Type"}
    return HttpResponse(
        encode(said.data),
        status=said.status_code,
        content_type=said.content_type,
        headers=headers,
    )


def plain(request: HttpRequest) -> bool:
    """Whether nothing is asked for but the address, and nobody wants it logged."""
    meta = request.META
    return (
        request.method == "GET"
        and not meta.get("QUERY_STRING")
        and meta.get("HTTP_ACCEPT", "") in SIMPLE
        and not requests_log.isEnabledFor(logging.INFO)
    )


def allowed(request: HttpRequest, route: str) -> bool:
    """Whether the bearer of a token may read this; False without one. Raises BearerRefusedError."""
    token = header_token(request.headers.get("Authorization", ""))
    if token is None:
        return False
    bearer = authenticate_bearer(token)
    return allows(rule_of(route, "GET"), bearer.user, bearer.scopes)
