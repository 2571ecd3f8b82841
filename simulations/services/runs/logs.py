"""Logs of units: the end of each, from Redis while a unit runs and from the database afterwards."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Max, Min, Q, QuerySet

from simulations.choices import AGENT_ENDED
from simulations.live import logs
from simulations.models import AgentRun


def rows(execution_id: int) -> QuerySet[Any, Any]:
    """One row for each attempt of each unit, in the order of their registration.

    `open` is None if all agents of the attempt have ended; `text` is the log in the database.
    """
    attempts = AgentRun.objects.filter(stage_run__execution=execution_id)
    grouped = attempts.values("stage_run", "stage_run__position", "unit", "attempt")
    return grouped.annotate(
        id=Min("pk"),
        open=Min("pk", filter=~Q(status__in=AGENT_ENDED)),
        text=Max("last_log"),
    )


def serialize(execution_id: int, page: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Convert a page of `rows`, with the text in Redis for running units."""
    return [
        {
            "stage": row["stage_run__position"],
            "unit": row["unit"],
            "attempt": row["attempt"],
            "live": row["open"] is not None,
            "text": _text(execution_id, row),
        }
        for row in page
    ]


def _text(execution_id: int, row: dict[str, Any]) -> str:
    if row["open"] is None:
        return str(row["text"])
    return logs.tail(execution_id, row["stage_run"], row["unit"]) or str(row["text"])
