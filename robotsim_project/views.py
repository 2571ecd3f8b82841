"""The root page and the error handlers."""

import sys

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template import loader
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from common import outages
from common.problems import Problem, internal_error

MAX_HOST_LENGTH = 255
"""Longest name of a host, by DNS."""
log = structlog.get_logger(__name__)


@require_safe
@vary_on_headers("Accept")
def root(request: HttpRequest) -> HttpResponseBase:
    """Return a greeting to programs, and lead people to the console."""
    if request.get_preferred_type(["application/json", "text/html"]) == "text/html":
        return HttpResponseRedirect(reverse("admin:index"))
    return JsonResponse({"message": "Robot Simulator Backend API"})


@require_safe
def favicon(request: HttpRequest) -> HttpResponseBase:
    """Lead browsers that look for the icon at its old address to it."""
    return HttpResponseRedirect(static("common/console/favicon.svg"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 400: a problem document to programs, a page to people."""
    if isinstance(exception, DisallowedHost):
        log.warning("host_not_allowed", host=request.META.get("HTTP_HOST", "")[:MAX_HOST_LENGTH])
        text = _(
            "The server is not known by this host name. Use one of its own, or add it to ALLOWED_HOSTS."
        )
        return Problem(400, "HOST_NOT_ALLOWED", text).response()
    if not is_api_request(request):
        return defaults.bad_request(request, exception)
    text = _("The request is not understood. Check how it is sent.")
    return Problem(400, "BAD_REQUEST", text).response()


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 403: a problem document to programs, a page to people."""
    if not is_api_request(request):
        return defaults.permission_denied(request, exception)
    text = _("Your role does not allow this. Ask an admin.")
    return Problem(403, "PERMISSION_DENIED", text).response()


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 404: a problem document to programs, a page to people."""
    if not is_api_request(request):
        return defaults.page_not_found(request, exception)
    text = _("There is nothing at this address. See /docs.")
    return Problem(404, "NOT_FOUND", text).response()


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer 500, or 503 when a dependency is unreachable; Django has logged the error.

    A problem document to programs, a page to people.
    """
    error = sys.exc_info()[1]  # Django calls this while it handles the exception
    if error is not None and (outage := outages.problem_for(error)) is not None:
        return unavailable(request, outage)
    if not is_api_request(request):
        return defaults.server_error(request)
    return internal_error().response()


def unavailable(request: HttpRequest, outage: Problem) -> HttpResponseBase:
    """Answer 503 with Retry-After; the page needs neither database nor sessions."""
    answer: HttpResponseBase
    if is_api_request(request):
        answer = outage.response()
    else:
        page = loader.render_to_string("robotsim/unavailable.html", {"detail": outage.detail})
        answer = HttpResponse(page, status=503, headers=outage.headers())
    answer["Cache-Control"] = "no-store"
    answer._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001  one line, without traceback
    return answer


def is_api_request(request: HttpRequest) -> bool:
    """Return True when the path belongs to the API."""
    return f"{request.path}/".startswith(f"{settings.API_STR}/")
