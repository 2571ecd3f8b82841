"""Whether the database and Redis answer, for probes and people; both give up after two seconds or so."""

from typing import Any

import structlog
from django.core.cache import caches
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

TIMEOUT_SECONDS = 2

log = structlog.get_logger(__name__)


@never_cache
@require_safe
def database(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers on a fresh connection, else 503."""
    try:
        ask_database()
    except (DatabaseError, InterfaceError) as error:
        log.warning("database_unhealthy", error=str(error))
        return JsonResponse({"status": "unhealthy", "database": "disconnected"}, status=503)
    return JsonResponse({"status": "healthy", "database": "connected"})


@never_cache
@require_safe
def redis(request: HttpRequest) -> JsonResponse:
    """Answer 200 when Redis answers, else 503."""
    try:
        caches["health"].get("health")
    except Exception as error:  # noqa: BLE001  only one module may know Redis's own exceptions
        log.warning("redis_unhealthy", error=str(error))
        return JsonResponse({"status": "unhealthy", "redis": "disconnected"}, status=503)
    return JsonResponse({"status": "healthy", "redis": "connected"})


def ask_database() -> None:
    """Ask on a connection of its own: the pool would wait long, and a busy pool is not an outage."""
    probe = connection.copy()
    probe.settings_dict["OPTIONS"] = probe_options(
        connection.vendor, probe.settings_dict["OPTIONS"]
    )
    try:
        with probe.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        probe.close()


def probe_options(vendor: str, options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of a connection and shorten every wait."""
    if vendor == "sqlite":
        return {"timeout": TIMEOUT_SECONDS}
    milliseconds = TIMEOUT_SECONDS * 1000
    kept = {name: value for name, value in options.items() if name != "pool"}
    limits = f"-c statement_timeout={milliseconds}"
    return {
        **kept,
        "connect_timeout": TIMEOUT_SECONDS,
        "tcp_user_timeout": milliseconds,
        "options": f"{kept.get('options', '')} {limits}".strip(),
    }
