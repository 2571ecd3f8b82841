"""Figures of the agents of each stage."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import Abs

from simulations.choices import AgentStatus
from simulations.models import AgentRun, Execution


@dataclass(frozen=True)
class StageFigures:
    """Agents by their newest attempt, messages of all attempts; µs, None if nothing was measured.

    `skew_us` excludes agents that joined late, as they do not start with the others.
    """

    completed: int = 0
    failed: int = 0
    stopped: int = 0
    late: int = 0
    messages: int = 0
    lateness_us: float | None = None
    """The worst of the agents' own p99."""
    skew_us: float | None = None
    """The largest absolute value."""


def stage_figures(execution: Execution) -> dict[int, StageFigures]:
    """The figures of each stage that has agents, by its position; two queries for any number of agents."""
    rows = AgentRun.objects.filter(stage_run__execution=execution).order_by()
    sums = rows.values("stage_run__position").annotate(
        messages=Sum("published"),
        lateness=Max("lateness_p99_us"),
        skew=Max(Abs("start_skew_us"), filter=Q(late=False)),
        latecomers=Count("pk", filter=Q(late=True)),
    )
    agents = _count_agents(execution)
    return {
        row["stage_run__position"]: StageFigures(
            completed=agents[row["stage_run__position"], AgentStatus.COMPLETED],
            failed=agents[row["stage_run__position"], AgentStatus.FAILED]
            + agents[row["stage_run__position"], AgentStatus.LOST],
            stopped=agents[row["stage_run__position"], AgentStatus.STOPPED],
            late=row["latecomers"],
            messages=row["messages"],
            lateness_us=row["lateness"],
            skew_us=row["skew"],
        )
        for row in sums
    }


def _count_agents(execution: Execution) -> Counter[tuple[int, str]]:
    """Number of agents by stage and status, by their newest attempt."""
    rows = AgentRun.objects.filter(stage_run__execution=execution)
    return Counter(rows.newest("stage_run__position", "status").values())
