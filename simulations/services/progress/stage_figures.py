"""What the agents of each stage did, in figures."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import Abs

from simulations.choices import AgentStatus
from simulations.models import AgentRun, Execution


@dataclass(frozen=True)
class StageFigures:
    """Agents by their newest attempt, messages of all attempts; µs, None where nothing was measured.

    `skew_us` leaves out who joined late: a latecomer starts when it comes, not with the others.
    """

    completed: int = 0
    failed: int = 0
    stopped: int = 0
    late: int = 0
    messages: int = 0
    lateness_us: float | None = None
    """The worst of the agents' own p99."""
    skew_us: float | None = None
    """The largest by amount."""


def stage_figures(execution: Execution) -> dict[int, StageFigures]:
    """The figures of each stage that has agents, by its position; two queries for any number of agents."""
    rows = AgentRun.objects.filter(stage_run__execution=execution).order_by()
    sums = rows.values("stage_run__position").annotate(
        messages=Sum("published"),
        lateness=Max("lateness_p99_us"),
        skew=Max(Abs("start_skew_us"), filter=Q(late=False)),
        latecomers=Count("pk", filter=Q(late=True)),
    )
    ended = _ended(execution)
    return {
        row["stage_run__position"]: StageFigures(
            completed=ended[row["stage_run__position"], AgentStatus.COMPLETED],
            failed=ended[row["stage_run__position"], AgentStatus.FAILED]
            + ended[row["stage_run__position"], AgentStatus.LOST],
            stopped=ended[row["stage_run__position"], AgentStatus.STOPPED],
            late=row["latecomers"],
            messages=row["messages"],
            lateness_us=row["lateness"],
            skew_us=row["skew"],
        )
        for row in sums
    }


def _ended(execution: Execution) -> Counter[tuple[int, str]]:
    """How many agents of each stage are in which state, in their newest attempt."""
    rows = AgentRun.objects.filter(stage_run__execution=execution)
    return Counter(rows.newest("stage_run__position", "status").values())
