"""The whole system at a glance: what there is, what runs, what is stored, and whether each part answers."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.db.models import Count, Sum
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from simulations.choices import ACTIVE
from simulations.exceptions import LiveAwayError
from simulations.live import system
from simulations.models import Execution, Mec, Simulation
from simulations.services.progress.bulk import progress_of_all
from storage.models import Rosbag
from storage.objects import object_store
from templates.models import Template

KEEP_SECONDS = 2
"""So often is it counted anew, however many look."""
MOST_FOLLOWED = 100
"""Executions whose agents are added up."""
CONTROLLER_SILENT = 30.0
"""Seconds."""
WORKER_BEHIND = timedelta(seconds=60)


def overview() -> dict[str, Any]:
    """Totals, what runs, storage in bytes, and `ok` or what is wrong with each part.

    Without Redis everything is counted at each call, and nobody can tell how the controller is.
    """
    try:
        kept = system.cached_overview()
        if kept is None:
            kept = _counted()
            system.cache_overview(kept, KEEP_SECONDS)
        controller = _controller(system.last_controller_pass())
    except LiveAwayError:
        return _with_health(_counted(), redis="away", controller="unknown")
    return _with_health(kept, redis="ok", controller=controller)


def _with_health(counted: dict[str, Any], **parts: str) -> dict[str, Any]:
    return {**counted, "health": {**counted["health"], **parts}}


def _counted() -> dict[str, Any]:
    living = Simulation.objects.living()
    active = Execution.objects.active()
    by_status = dict(active.order_by().values_list("status").annotate(Count("pk")))
    rosbags = Rosbag.objects.living().order_by()
    return {
        "simulations": {
            "total": living.count(),
            "running": active.order_by().values("simulation").distinct().count(),
        },
        "executions": {
            "active": sum(by_status.values()),
            "by_status": {str(state): by_status.get(state, 0) for state in sorted(ACTIVE)},
        },
        "agents": _agents(active),
        "mecs": {
            "total": Mec.objects.count(),
            "enabled": Mec.objects.filter(enabled=True).count(),
        },
        "templates": {"total": Template.objects.living().count()},
        "rosbags": {
            "total": rosbags.count(),
            "by_status": dict(rosbags.values_list("status").annotate(Count("pk"))),
            "size": rosbags.aggregate(size=Sum("size"))["size"] or 0,
        },
        "health": {"database": "ok", "storage": _storage(), "worker": _worker()},
        "as_of": timezone.now().isoformat(),
    }


def _agents(active: Any) -> dict[str, Any]:
    """Agents of what runs, by status; `complete` is false when some runs could not be added up."""
    followed = list(active.order_by("-pk").only("pk", "status")[: MOST_FOLLOWED + 1])
    counts: Counter[str] = Counter()
    seen = progress_of_all(followed[:MOST_FOLLOWED])
    for progress in seen.values():
        counts.update(progress.agents)
    return {
        "total": sum(counts.values()),
        "by_status": dict(counts),
        "complete": len(seen) == len(followed),
    }


def _storage() -> str:
    return "away" if object_store().trouble() else "ok"


def _worker() -> str:
    """Whether background work waits for longer than it should."""
    waiting = DBTaskResult.objects.filter(
        status=TaskResultStatus.READY, enqueued_at__lt=timezone.now() - WORKER_BEHIND
    )
    return "behind" if waiting.exists() else "ok"


def _controller(seen: float | None) -> str:
    if seen is None:
        return "silent"
    return "ok" if timezone.now().timestamp() - seen < CONTROLLER_SILENT else "silent"
