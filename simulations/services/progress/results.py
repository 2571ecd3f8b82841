"""Results of an execution in figures."""

from typing import Any

from django.db.models import Max, Q, Sum
from django.db.models.functions import Abs

from simulations.choices import RecordingStatus
from simulations.models import AgentRun, Execution, Recording
from simulations.services.plan import plan_of


def measured_figures(execution: Execution) -> dict[str, Any]:
    """Measurements of the agents and stored recordings; times in µs, None if nothing was measured."""
    figures = AgentRun.objects.filter(stage_run__execution=execution).aggregate(
        published=Sum("published"),
        undelivered=Sum("messages_undelivered"),
        behind=Sum("messages_late"),
        # Agents that joined late do not start with the others.
        skew=Max(Abs("start_skew_us"), filter=Q(late=False)),
        lateness=Max("lateness_p99_us"),
    )
    recordings = Recording.objects.filter(stage_run__execution=execution)
    return {
        "messages_published": figures["published"] or 0,
        "messages_undelivered": figures["undelivered"] or 0,
        "messages_late": figures["behind"],
        "start_skew_us_max": _rounded(figures["skew"]),
        "lateness_us_p99": _rounded(figures["lateness"]),
        "recordings": recordings.filter(status=RecordingStatus.STORED).count(),
    }


def summary(execution: Execution) -> dict[str, Any]:
    """The figures of an execution; times in µs and s, None if nothing was measured.

    `messages_late` are those published more than 5 ms after they were due. `lateness_us_p99` is the worst of
    the agents' own p99; `start_skew_us_max` the largest absolute value.
    """
    execution.refresh_from_db()
    seconds = None
    if execution.ended_at is not None:
        seconds = round((execution.ended_at - execution.created_at).total_seconds(), 3)
    figures = execution.outcome["figures"] if execution.outcome else measured_figures(execution)
    return {
        "execution": execution.pk,
        "status": str(execution.status),
        "data_status": str(execution.data_status),
        "agents": plan_of(execution).agents,
        **figures,
        # Those of older versions have none.
        "messages_undelivered": figures.get("messages_undelivered", 0),
        "messages_late": figures.get("messages_late"),
        "cpu_seconds": figures.get("cpu_seconds"),
        "memory_peak_bytes": figures.get("memory_peak_bytes"),
        "cpu_cores_requested": figures.get("cpu_cores_requested"),
        "memory_requested_bytes": figures.get("memory_requested_bytes"),
        "seconds": seconds,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
