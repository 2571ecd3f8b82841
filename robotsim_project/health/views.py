"""Health endpoints: liveness, readiness and the state of each dependency."""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from robotsim_project.health import dependencies, readiness

View = Callable[[HttpRequest], HttpResponse]
log = structlog.get_logger(__name__)


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer 200: the process takes requests. Checks no dependency."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when each dependency has answered since the start, else 503; the body has the problems."""
    status, body = readiness.state()
    return JsonResponse(body, status=status)


@never_cache
@require_safe
def database(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers on a fresh connection, else 503."""
    return _health_of("database")


@never_cache
@require_safe
def redis(request: HttpRequest) -> JsonResponse:
    """Answer 200 when Redis answers, else 503."""
    return _health_of("redis")


@never_cache
@require_safe
def storage(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the S3 server answers, or the storage folder can be used, else 503."""
    return _health_of("storage")


def _health_of(part: str) -> JsonResponse:
    result = dependencies.check([part])[part]
    if result.ok:
        return JsonResponse({"status": "healthy", part: "connected"})
    log.warning("part_unhealthy", part=part, error=result.error or result.problem)
    state = "full" if result.full else "disconnected"
    return JsonResponse({"status": "unhealthy", part: state}, status=503)


PROBES: dict[str, View] = {
    "/health/live": live,
    "/health/ready": ready,
    "/health/db": database,
    "/health/redis": redis,
    "/health/storage": storage,
}


@sync_and_async_middleware
def probes(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer probes before all other middleware, as they use the IP address, which is not in ALLOWED_HOSTS.

    Under ASGI `/health/live` needs no thread, so it is answered even when all are busy.
    """
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> Any:
            view = PROBES.get(request.path_info)
            if view is None:
                return await get_response(request)
            if view is live:
                return view(request)
            return await sync_to_async(view, thread_sensitive=False)(request)

        return middleware

    def sync_middleware(request: HttpRequest) -> Any:
        view = PROBES.get(request.path_info)
        return get_response(request) if view is None else view(request)

    return sync_middleware
