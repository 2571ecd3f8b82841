"""Health for probes and people: whether the process lives, may be sent requests, and what its parts say."""

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
    """Answer 200: the process takes requests. Asks nobody else."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when each part has answered since the start, else 503; the body says what is wrong."""
    status, body = readiness.state()
    return JsonResponse(body, status=status)


@never_cache
@require_safe
def database(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers on a fresh connection, else 503."""
    return _of("database")


@never_cache
@require_safe
def redis(request: HttpRequest) -> JsonResponse:
    """Answer 200 when Redis answers, else 503."""
    return _of("redis")


@never_cache
@require_safe
def storage(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the S3 server answers, or the folder in its place can be used, else 503."""
    return _of("storage")


def _of(part: str) -> JsonResponse:
    found = dependencies.look([part])[part]
    if found.answers:
        return JsonResponse({"status": "healthy", part: "connected"})
    log.warning("part_unhealthy", part=part, error=found.error or found.trouble)
    return JsonResponse({"status": "unhealthy", part: "disconnected"}, status=503)


PROBES: dict[str, View] = {
    "/health/live": live,
    "/health/ready": ready,
    "/health/db": database,
    "/health/redis": redis,
    "/health/storage": storage,
}


@sync_and_async_middleware
def probes(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware, the first: probes call a server by its address, which ALLOWED_HOSTS does not know.

    Under ASGI `/health/live` needs no thread, so that it is answered when all are busy.
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

    def plain(request: HttpRequest) -> Any:
        view = PROBES.get(request.path_info)
        return get_response(request) if view is None else view(request)

    return plain
