"""Cores, memory and disk that a design is expected to need at its peak.

What earlier executions of the same templates have used is the best estimate. Without any, rough costs of one
publication and of one agent are taken (`unit_resources.COSTS`), which `benchmarks/fleet.py` and
`benchmarks/replay_player.py` can be compared with.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings

from agent.topic_names import with_slash
from simulations.choices import Pattern, Transport
from simulations.models import Simulation, Stage
from simulations.services.designs.earlier_use import Use, earlier_use, likeness
from simulations.services.designs.forecast import Forecast, StageForecast
from simulations.services.plan import PlanStage
from simulations.services.planning import plan_stage
from simulations.services.unit_resources import COSTS, LOADED_BYTES, Cost

BUSY_SHARE = 0.6
"""Share of a core up to which one unit still publishes in time."""


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
    earlier = earlier_use({likeness(plan) for plan in plans}, transport)
    each = tuple(
        _stage_demand(stage, plan, ahead, transport, earlier.get(likeness(plan)))
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
        cores = use.cores * plan.agents / use.agents
    return StageDemand(
        cores=cores,
        memory_bytes=(
            use.memory_bytes * plan.agents / use.agents if use else _memory(stage, plan, cost)
        ),
        unit_rate=None if rate is None else rate * per_unit / plan.agents,
        most_unit_rate=BUSY_SHARE / (cost.message + cost.byte * (size / rate if rate else 0)),
        recorded_bytes=_recorded_bytes(stage, plan, ahead, transport),
        measured_by=use.execution.pk if use else None,
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
