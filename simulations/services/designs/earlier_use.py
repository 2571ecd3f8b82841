"""CPU and memory that agents have used in earlier executions, as their units have reported it."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from django.conf import settings
from django.db.models import Max

from simulations.choices import RunStatus
from simulations.models import AgentRun, Execution, Simulation, StageRun
from simulations.services.plan import Plan, PlanStage, plan_of

MAX_EXECUTIONS = 5
"""Earlier executions that are looked through."""
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
    for execution in _completed({like.template for like in wanted}):
        plan = plan_of(execution)
        if plan.backend != settings.BACKEND or transport not in {None, plan.link.transport}:
            continue
        like = {likeness(stage): stage.position for stage in plan.stages}
        if missing := (set(wanted) & like.keys()) - newest.keys():
            newest |= _uses(execution, plan, {like[key]: key for key in missing})
    return newest


def _completed(templates: Collection[int]) -> Iterator[Execution]:
    with_template = Simulation.objects.filter(stages__template__in=templates)
    rows = Execution.objects.filter(simulation__in=with_template, status=RunStatus.COMPLETED)
    rows = rows.select_related("simulation").defer("outcome")
    yield from rows.order_by("-pk")[:MAX_EXECUTIONS]


def _uses(execution: Execution, plan: Plan, wanted: dict[int, Likeness]) -> dict[Likeness, Use]:
    """The use of the stages at these positions."""
    runs = StageRun.objects.filter(execution=execution, position__in=wanted)
    uses: dict[Likeness, Use] = {}
    units = AgentRun.objects.filter(stage_run__in=runs).order_by().values("stage_run", "unit")
    figures = list(
        units.annotate(cpu=Max("unit_cpu_seconds"), memory=Max("unit_memory_peak_bytes"))
    )
    for run in runs:
        if run.release_at is None or run.agents_ended_at is None:
            continue
        seconds = (run.agents_ended_at - run.release_at).total_seconds()
        own = [row for row in figures if row["stage_run"] == run.pk and row["memory"]]
        if seconds < MIN_SECONDS or len(own) < run.units:
            continue
        uses[wanted[run.position]] = Use(
            cores=sum(row["cpu"] or 0.0 for row in own) / seconds,
            memory_bytes=sum(row["memory"] for row in own),
            agents=plan.stage(run.position).agents,
            units=len(own),
            transport=plan.link.transport,
            execution=execution,
        )
    return uses
