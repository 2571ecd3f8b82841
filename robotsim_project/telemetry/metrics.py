"""/metrics: figures of this server's processes, and of the whole system, for Prometheus."""

import os
from collections.abc import Iterator

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import REGISTRY, CollectorRegistry, disable_created_metrics
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from accounts.exceptions import BearerRefusedError
from accounts.permissions import allows
from accounts.services.bearers import authenticate_bearer, header_token
from common.problems import Problem
from robotsim_project.access import ADMIN
from robotsim_project.telemetry.collector import SystemCollector

# When each count began: as many lines again, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer 200 also while the database or Redis are away: what they know is left out then."""
    refused = refusal(request)
    if refused is not None:
        return refused
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry()), content_type=content_type)


class OfThisProcess:
    """Hands on what this process has counted."""

    def collect(self) -> Iterator[Metric]:
        """All metrics of the usual registry."""
        return iter(REGISTRY.collect())


def registry() -> CollectorRegistry:
    """What is told: the counts of all processes of this server, if there are several, and the system.

    With PROMETHEUS_MULTIPROC_DIR each process counts in files there, and whoever answers adds them up.
    """
    found = CollectorRegistry(auto_describe=False)
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(found)  # type: ignore[no-untyped-call]
    else:
        found.register(OfThisProcess())
    found.register(SystemCollector())
    return found


def refusal(request: HttpRequest) -> HttpResponse | None:
    """Why this caller may not see it; None: it may.

    The token is looked at first, so that Prometheus gets its answer while the database is away.
    """
    token = settings.METRICS_TOKEN
    if not token and not settings.PRODUCTION:
        return None
    try:
        shown = header_token(request.headers.get("Authorization", ""))
        if token and shown and constant_time_compare(shown, token):
            return None
        known, admin = _caller(request, shown)
    except (BearerRefusedError, OperationalError, InterfaceError):
        known, admin = False, False
    return None if admin else _refused(known=known, closed=not token)


def _caller(request: HttpRequest, shown: str | None) -> tuple[bool, bool]:
    """Whether somebody has signed in, and whether it is an admin."""
    if shown is None:
        user = request.user
        return user.is_authenticated, user.is_active and allows(ADMIN, user, None)
    bearer = authenticate_bearer(shown)
    return True, allows(ADMIN, bearer.user, bearer.scopes)


def _refused(*, known: bool, closed: bool) -> HttpResponse:
    if closed:
        text = _(
            "Metrics are closed here: set METRICS_TOKEN and send it as Authorization: Bearer <token>, "
            "or sign in as an admin."
        )
        return Problem(403, "METRICS_CLOSED", text).response()
    if known:
        text = _("Your role does not allow this. Ask an admin.")
        return Problem(403, "PERMISSION_DENIED", text).response()
    text = _("Send the token of METRICS_TOKEN: Authorization: Bearer <token>.")
    return Problem(401, "UNAUTHENTICATED", text, challenge='Bearer realm="metrics"').response()
