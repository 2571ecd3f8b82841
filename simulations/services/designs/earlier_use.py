"""CPU and memory that agents have used in earlier executions, as their units have reported it."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Max

from simulations.choices import RunStatus
from simulations.models import AgentRun, Execution, Simulation, Stage, StageRun
from simulations.services.plan import Plan, PlanStage, plan_of

MAX_EXECUTIONS = 5
"""Earlier executions that are looked through."""
MAX_SIMULATIONS = 100
"""Simulations whose executions these may be: those that ran last."""
MIN_SECONDS = 5.0
"""A shorter stage says more of the start of its units than of what they do."""


class Likeness(NamedTuple):
    """The values in which stages agree that use about the same for each agent."""

    template: int
    rosbag_digest: str
    rate: float


class Use(NamedTuple):
    """Cores and memory (bytes) that the units of a stage have used, and what measured it."""

    cores: float
    memory_bytes: float
    agents: int
    units: int
    transport: str
    execution: Execution


def likeness(plan: PlanStage) -> Likeness:
    """Return the values that a like stage has as well."""
    return Likeness(plan.template, plan.rosbag_digest, plan.rate)


def earlier_use(wanted: Collection[Likeness], transport: str | None = None) -> dict[Likeness, Use]:
    """Find the use of like stages in the newest completed executions; without a transport over any."""
    newest: dict[Likeness, Use] = {}
    executions = [
        (execution, plan)
        for execution in _completed({like.template for like in wanted})
        if (plan := plan_of(execution)).backend == settings.BACKEND
        and transport in {None, plan.link.transport}
    ]
    runs = _StageRuns([execution for execution, _plan in executions])
    for execution, plan in executions:
        for like, use in runs.uses(execution, plan):
            if like in wanted:
                newest.setdefault(like, use)
    return newest


def _completed(templates: Collection[int]) -> Iterator[Execution]:
    stages = Stage.objects.filter(template__in=templates).values("simulation")
    with_template = Simulation.objects.filter(pk__in=stages, latest_execution__isnull=False)
    newest = with_template.order_by("-latest_execution_id").values_list("pk", flat=True)
    # As a list: by a subquery PostgreSQL reads all executions, the newest first, to find a few of rare ones.
    ids = list(newest[:MAX_SIMULATIONS])
    rows = Execution.objects.filter(simulation__in=ids, status=RunStatus.COMPLETED)
    rows = rows.select_related("simulation").defer("outcome")
    yield from rows.order_by("-pk")[:MAX_EXECUTIONS]


class _StageRuns:
    """Stage runs of some executions with the figures of their units, in two queries."""

    def __init__(self, executions: Sequence[Execution]) -> None:
        self._runs = list(StageRun.objects.filter(execution__in=executions)) if executions else []
        self._units: dict[int, list[Any]] = defaultdict(list)
        units = AgentRun.objects.filter(stage_run__in=self._runs)
        rows = units.order_by().values("stage_run", "unit")
        figures = rows.annotate(cpu=Max("unit_cpu_seconds"), memory=Max("unit_memory_peak_bytes"))
        for row in figures:
            if row["memory"]:
                self._units[row["stage_run"]].append(row)

    def uses(self, execution: Execution, plan: Plan) -> Iterator[tuple[Likeness, Use]]:
        """The use of each stage of an execution whose units all have reported theirs."""
        for run in self._runs:
            if run.execution_id != execution.pk:
                continue
            if run.release_at is None or run.agents_ended_at is None:
                continue
            seconds = (run.agents_ended_at - run.release_at).total_seconds()
            own = self._units[run.pk]
            if seconds < MIN_SECONDS or len(own) < run.units:
                continue
            stage = plan.stage(run.position)
            yield (
                likeness(stage),
                Use(
                    cores=sum(row["cpu"] or 0.0 for row in own) / seconds,
                    memory_bytes=sum(row["memory"] for row in own),
                    agents=stage.agents,
                    units=len(own),
                    transport=plan.link.transport,
                    execution=execution,
                ),
            )
