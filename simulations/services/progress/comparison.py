"""Two executions side by side: the difference of their plans, their figures, the lateness of their agents."""

import math
from dataclasses import dataclass
from typing import Any

from simulations.choices import AgentStatus
from simulations.models import Execution
from simulations.services.plan import Plan, plan_of
from simulations.services.plan_difference import Difference, plan_differences
from simulations.services.progress.agent_states import CODES, stage_states
from simulations.services.progress.histograms import BINS, histogram
from simulations.services.progress.results import summary


@dataclass(frozen=True)
class Side:
    """One of two executions; times in µs and s, None if nothing was measured.

    `lateness_us` has the p99 of each agent, ascending. `bins` are percent of the agents in equal parts
    of the common axis; the last one includes the agents beyond it.
    """

    execution: Execution
    plan: Plan
    figures: dict[str, Any]
    completed: int
    lateness_us: tuple[float, ...]
    bins: tuple[float, ...] = ()

    def percentile(self, percent: int) -> float | None:
        """The lateness that this percentage of the agents did not exceed."""
        if not self.lateness_us:
            return None
        return self.lateness_us[math.ceil(len(self.lateness_us) * percent / 100) - 1]


@dataclass(frozen=True)
class Comparison:
    """Two executions; `axis_us` is None where no agent has measured its lateness."""

    left: Side
    right: Side
    differences: tuple[Difference, ...]
    axis_us: float | None


def compare(left: Execution, right: Execution) -> Comparison:
    """Compare two executions, by the same number of queries for any number of agents."""
    sides = [_measure(execution) for execution in (left, right)]
    both = histogram([us for side in sides for us in side.lateness_us])
    axis = both.high if both else None
    first, second = (_with_bins(side, axis) for side in sides)
    return Comparison(first, second, plan_differences(first.plan, second.plan), axis)


def _measure(execution: Execution) -> Side:
    plan = plan_of(execution)
    stages = stage_states(execution, plan, execution.stage_runs.values_list("pk", "position"))
    return Side(
        execution=execution,
        plan=plan,
        figures=summary(execution),
        completed=sum(stage.codes.count(CODES[AgentStatus.COMPLETED]) for stage in stages),
        lateness_us=tuple(sorted(us for stage in stages for us in stage.lateness_us)),
    )


def _with_bins(side: Side, axis: float | None) -> Side:
    counts = [0] * BINS
    for us in side.lateness_us:
        counts[min(BINS - 1, max(0, int(us / (axis or 1.0) * BINS)))] += 1
    total = len(side.lateness_us) or 1
    bins = tuple(100 * count / total for count in counts)
    return Side(**{**vars(side), "bins": bins})
