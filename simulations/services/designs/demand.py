"""Cores, memory and disk that a design is expected to need at its peak.

What earlier executions of the same templates have used is the best estimate. Without any, rough costs of one
publication and of one agent are taken (`unit_resources.COSTS`), which `benchmarks/fleet.py` and
`benchmarks/replay_player.py` can be compared with.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.db.models import Max

from agent.topic_names import with_slash
from simulations.choices import Pattern, RunStatus, Transport
from simulations.models import AgentRun, Execution, Simulation, Stage, StageRun
from simulations.services.designs.forecast import Forecast, StageForecast
from simulations.services.plan import Plan, PlanStage, plan_of
from simulations.services.planning import plan_stage
from simulations.services.unit_resources import COSTS, LOADED_BYTES, Cost

MAX_EXECUTIONS = 5
"""Earlier executions that are looked through."""
MIN_SECONDS = 5.0
"""A shorter stage says more of the start of its units than of what they do."""
BUSY_SHARE = 0.6
"""Share of a core up to which one unit still publishes in time."""


class Use(NamedTuple):
    """Cores and memory that one agent of a stage has used, and the execution that measured it."""

    cores: float
    memory_bytes: float
    execution: int


@dataclass(frozen=True)
class StageDemand:
    """Needs of one stage while it plays; None: not known."""

    cores: float | None
    memory_bytes: float
    unit_rate: float | None
    """Messages a second of its busiest unit."""
    most_unit_rate: float
    """Messages a second up to which a unit publishes in time."""
    recorded_bytes: float | None
    """Own publications that are recorded, of all its agents."""
    measured_by: int | None = None
    """The execution whose figures were taken; None: they are an estimate."""


@dataclass(frozen=True)
class Demand:
    """Needs of a design at its peak; `measured_by` only where all its stages were measured."""

    cores: float | None
    memory_bytes: float
    recorded_bytes: float | None
    bag_bytes: int
    stages: tuple[StageDemand, ...]

    @property
    def measured_by(self) -> int | None:
        """An execution that measured it, if each stage was measured."""
        measured = [stage.measured_by for stage in self.stages]
        return measured[0] if measured and None not in measured else None


def demand(simulation: Simulation, stages: Sequence[Stage], course: Forecast) -> Demand:
    """Estimate the demand of stages that can be started, by their forecast."""
    transport = simulation.mec.transport
    plans = [plan_stage(stage, 1, transport) for stage in stages]
    earlier = _earlier_use(plans, transport)
    each = tuple(
        _stage_demand(stage, plan, ahead, transport, earlier.get(_likeness(plan)))
        for stage, plan, ahead in zip(stages, plans, course.stages, strict=True)
    )
    join: Callable[[Iterable[float]], float] = (
        sum if simulation.pattern == Pattern.PARALLEL else max
    )
    bags = {stage.template.rosbag_id: stage.template.rosbag.size for stage in stages}
    return Demand(
        cores=_joined((stage.cores for stage in each), join),
        memory_bytes=join(stage.memory_bytes for stage in each),
        recorded_bytes=_joined((stage.recorded_bytes for stage in each), sum),
        bag_bytes=sum(bags.values()),
        stages=each,
    )


def _joined(
    values: Iterable[float | None], join: Callable[[Iterable[float]], float]
) -> float | None:
    rows = list(values)
    known = [value for value in rows if value is not None]
    return join(known) if len(known) == len(rows) else None


def _stage_demand(
    stage: Stage, plan: PlanStage, ahead: StageForecast, transport: str, use: Use | None
) -> StageDemand:
    cost = COSTS[Transport(transport)]
    rate = ahead.message_rate.value if ahead.message_rate.is_known else None
    size = ahead.byte_rate.value
    per_unit = min(plan.agents, settings.AGENTS_PER_UNIT)
    cores = None if rate is None else rate * cost.message + size * cost.byte
    if use:
        cores = use.cores * plan.agents
    return StageDemand(
        cores=cores,
        memory_bytes=use.memory_bytes * plan.agents if use else _memory(stage, plan, cost),
        unit_rate=None if rate is None else rate * per_unit / plan.agents,
        most_unit_rate=BUSY_SHARE / (cost.message + cost.byte * (size / rate if rate else 0)),
        recorded_bytes=_recorded_bytes(stage, plan, ahead, transport),
        measured_by=use.execution if use else None,
    )


def _memory(stage: Stage, plan: PlanStage, cost: Cost) -> float:
    units = -(-plan.agents // settings.AGENTS_PER_UNIT)
    loaded = min(stage.template.rosbag.size, LOADED_BYTES)
    return units * (cost.unit + loaded) + plan.agents * cost.agent


def _recorded_bytes(
    stage: Stage, plan: PlanStage, ahead: StageForecast, transport: str
) -> float | None:
    """Bytes of its own publications that a stage records; what others answer is not known."""
    if not plan.record or not (plan.record_own or transport == Transport.NULL):
        return 0.0
    if not ahead.size.is_known:
        return None
    names = {with_slash(topic.name) for topic in plan.record}
    sizes = {topic.name: topic.size for topic in stage.template.rosbag.topics.all()}
    played = sum(sizes[topic.name] for topic in plan.topics)
    recorded = sum(sizes[t.name] for t in plan.topics if with_slash(t.published_name) in names)
    return ahead.size.value * recorded / played if played else 0.0


Likeness = tuple[int, str, float]


def _likeness(plan: PlanStage) -> Likeness:
    """Return the values in which stages agree that use about the same for each agent."""
    return plan.template, plan.rosbag_digest, plan.rate


def _earlier_use(plans: Sequence[PlanStage], transport: str) -> dict[Likeness, Use]:
    """The use of an agent in the newest completed executions of like stages over the same transport."""
    with_template = Simulation.objects.filter(stages__template__in={p.template for p in plans})
    rows = Execution.objects.filter(simulation__in=with_template, status=RunStatus.COMPLETED)
    found: dict[Likeness, Use] = {}
    wanted = {_likeness(plan) for plan in plans}
    for execution in rows.defer("outcome").order_by("-pk")[:MAX_EXECUTIONS]:
        plan = plan_of(execution)
        like = {_likeness(stage): stage for stage in plan.stages}
        if plan.link.transport != transport or plan.backend != settings.BACKEND:
            continue
        if missing := (wanted & like.keys()) - found.keys():
            found |= _uses(execution, plan, {like[key].position: key for key in missing})
    return found


def _uses(execution: Execution, plan: Plan, wanted: dict[int, Likeness]) -> dict[Likeness, Use]:
    """The use of the stages at these positions, as their units have reported it."""
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
        agents = plan.stage(run.position).agents
        cpu = sum(row["cpu"] or 0.0 for row in own)
        memory = sum(row["memory"] for row in own)
        uses[wanted[run.position]] = Use(cpu / seconds / agents, memory / agents, execution.pk)
    return uses
