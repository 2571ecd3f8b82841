"""The endpoint /metrics for Prometheus: metrics of this server's processes and of the whole system."""

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

# The creation time of each counter would double the size of the response.
disable_created_metrics()  # type: ignore[no-untyped-call]


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer 200 even while the database or Redis are unreachable; their metrics are missing then."""
    denial = deny(request)
    if denial is not None:
        return denial
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(build_registry()), content_type=content_type)


class ProcessCollector:
    """Collector of the metrics of this process."""

    def collect(self) -> Iterator[Metric]:
        """Return all metrics of the default registry."""
        return iter(REGISTRY.collect())


def build_registry() -> CollectorRegistry:
    """Build a registry of the metrics of this server's processes and of the system.

    With PROMETHEUS_MULTIPROC_DIR each process counts in files of that folder, which are added up here.
    """
    registry = CollectorRegistry(auto_describe=False)
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(ProcessCollector())
    registry.register(SystemCollector())
    return registry


def deny(request: HttpRequest) -> HttpResponse | None:
    """Return the error response for a caller without access, else None.

    The token is checked first, so that Prometheus gets its metrics while the database is unreachable.
    """
    token = settings.METRICS_TOKEN
    if not token and not settings.PRODUCTION:
        return None
    try:
        bearer_token = header_token(request.headers.get("Authorization", ""))
        if token and bearer_token and constant_time_compare(bearer_token, token):
            return None
        authenticated, admin = _authenticate(request, bearer_token)
    except (BearerRefusedError, OperationalError, InterfaceError):
        authenticated, admin = False, False
    return None if admin else _denial(authenticated=authenticated, closed=not token)


def _authenticate(request: HttpRequest, bearer_token: str | None) -> tuple[bool, bool]:
    """Identify the caller.

    Returns:
        Two booleans: the caller is authenticated, and is an admin.
    """
    if bearer_token is None:
        user = request.user
        return user.is_authenticated, user.is_active and allows(ADMIN, user, None)
    bearer = authenticate_bearer(bearer_token)
    return True, allows(ADMIN, bearer.user, bearer.scopes)


def _denial(*, authenticated: bool, closed: bool) -> HttpResponse:
    if closed:
        text = _(
            "Access to metrics is not configured: set METRICS_TOKEN and send it as Authorization: "
            "Bearer <token>, or sign in as an admin."
        )
        return Problem(403, "METRICS_CLOSED", text).response()
    if authenticated:
        text = _("Your role does not allow this. Ask an admin.")
        return Problem(403, "PERMISSION_DENIED", text).response()
    text = _("Send the token of METRICS_TOKEN: Authorization: Bearer <token>.")
    return Problem(401, "UNAUTHENTICATED", text, challenge='Bearer realm="metrics"').response()
