"""Two executions side by side: their figures, and the lateness of their agents."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from simulations.choices import AgentStatus
from simulations.models import AgentRun, Execution
from simulations.services.progress.results import summary


@dataclass(frozen=True)
class Side:
    """One of two executions; times in µs and s, None if nothing was measured.

    `lateness_us` has the p99 of each agent's newest measurement, in ascending order.
    """

    execution: Execution
    seconds: float | None
    agents: int
    completed: int
    messages: int
    undelivered: int
    recordings: int
    skew_us: float | None
    lateness_us: Sequence[float]

    def percentile(self, percent: int) -> float | None:
        """The lateness that this percentage of the agents did not exceed."""
        if not self.lateness_us:
            return None
        count = len(self.lateness_us)
        return self.lateness_us[max(0, -(-count * percent // 100) - 1)]


def side(execution: Execution) -> Side:
    """Measure an execution for a comparison, by a constant number of queries."""
    figures = summary(execution)
    runs = AgentRun.objects.filter(stage_run__execution=execution).order_by()
    completed = runs.aggregate(
        n=Count("number", distinct=True, filter=Q(status=AgentStatus.COMPLETED))
    )
    measured = runs.order_by("lateness_p99_us").values_list("lateness_p99_us", flat=True)
    return Side(
        execution=execution,
        seconds=figures["seconds"],
        agents=figures["agents"],
        completed=completed["n"],
        messages=figures["messages_published"],
        undelivered=figures["messages_undelivered"],
        recordings=figures["recordings"],
        skew_us=figures["start_skew_us_max"],
        lateness_us=[value for value in measured if value is not None],
    )
