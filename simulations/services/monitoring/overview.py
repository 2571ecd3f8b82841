"""Overview of the system: totals, active executions, storage, and health of its dependencies."""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Sum
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from simulations.choices import ACTIVE
from simulations.exceptions import RedisUnreachableError
from simulations.live import system
from simulations.models import Execution, Mec, Simulation
from simulations.services.monitoring.running import running
from simulations.services.runs import backend_states
from storage.models import Rosbag
from storage.objects import object_store
from templates.models import Template

CACHE_SECONDS = 2
MAX_EXECUTIONS = 100
"""Executions whose agents are counted."""
CONTROLLER_SILENT_SECONDS = 30.0
WORKER_BEHIND = timedelta(seconds=60)


def overview() -> dict[str, Any]:
    """Totals, active executions, storage in bytes, and the health of each dependency.

    Without Redis everything is counted at each call, and the health of the controller is unknown.
    """
    try:
        counts = system.cached_overview()
        if counts is None:
            counts = _count()
            system.cache_overview(counts, CACHE_SECONDS)
        controller = controller_state(system.last_controller_pass())
        units = backend_states.health()
    except RedisUnreachableError:
        return _with_health(_count(), redis="away", controller="unknown", backend="unknown")
    return _with_health(counts, redis="ok", controller=controller, backend=units)


def _with_health(counts: dict[str, Any], **health: str) -> dict[str, Any]:
    return {**counts, "health": {**counts["health"], **health}}


def _count() -> dict[str, Any]:
    simulations = Simulation.objects.living()
    active = Execution.objects.active()
    by_status = dict(active.order_by().values_list("status").annotate(Count("pk")))
    rosbags = Rosbag.objects.living().order_by().values_list("status")
    stored = list(rosbags.annotate(Count("pk"), Sum("size")))
    return {
        "simulations": {
            "total": simulations.count(),
            "running": active.order_by().values("simulation").distinct().count(),
        },
        "executions": {
            "active": sum(by_status.values()),
            "by_status": {str(state): by_status.get(state, 0) for state in sorted(ACTIVE)},
        },
        "agents": _agents(),
        "mecs": {
            "total": Mec.objects.count(),
            "enabled": Mec.objects.filter(enabled=True).count(),
        },
        "templates": {"total": Template.objects.living().count()},
        "rosbags": {
            "total": sum(count for _status, count, _size in stored),
            "by_status": {status: count for status, count, _size in stored},
            "size": sum(size for _status, _count, size in stored),
        },
        "health": {"database": "ok", "storage": _storage(), "worker": worker_state()},
        "as_of": timezone.now().isoformat(),
    }


def _agents() -> dict[str, Any]:
    """Agents of active executions, by status; `complete` is false if some could not be counted."""
    rows = running(MAX_EXECUTIONS)
    counts = rows.agents
    return {"total": counts.total(), "by_status": dict(counts), "complete": rows.complete}


def _storage() -> str:
    return "ok" if object_store().find_problem() is None else "away"


def worker_state() -> str:
    """Check that no background task waits for too long."""
    waiting = DBTaskResult.objects.filter(
        status=TaskResultStatus.READY, enqueued_at__lt=timezone.now() - WORKER_BEHIND
    )
    return "behind" if waiting.exists() else "ok"


def controller_state(last_pass: float | None) -> str:
    """Judge by the time of the last pass of a controller, in seconds since the epoch."""
    if last_pass is None:
        return "silent"
    return "ok" if timezone.now().timestamp() - last_pass < CONTROLLER_SILENT_SECONDS else "silent"
