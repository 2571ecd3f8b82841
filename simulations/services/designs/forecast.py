"""Expected course of a design before it runs: when each stage plays, for how long, and how much.

Times count from the first release: nothing tells how long units take to be prepared, or recordings to be
uploaded. What the index of a rosbag does not tell is not guessed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from simulations.backends.base import Resources
from simulations.choices import Pattern
from simulations.models import Stage
from simulations.services.plan import PlanStage
from simulations.services.plan_backend import stage_resources
from simulations.services.planning import plan_stage
from simulations.services.start_checks import stage_errors
from simulations.services.topics import stage_topics


class Certainty(StrEnum):
    """Meaning of a forecast number."""

    EXACT = "exact"
    ESTIMATE = "estimate"
    """A part of a pass or of a rosbag, as if its messages were evenly distributed."""
    LIMIT = "limit"
    """It may be less."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Amount:
    """A number of seconds, messages or bytes, and how certain it is; 0 if it is unknown."""

    value: float = 0.0
    certainty: Certainty = Certainty.EXACT

    @property
    def is_known(self) -> bool:
        """Tell whether there is a number at all."""
        return self.certainty != Certainty.UNKNOWN

    def __add__(self, other: "Amount") -> "Amount":
        """Add two amounts; the sum is as certain as the less certain one."""
        worst = max(self.certainty, other.certainty, key=list(Certainty).index)
        return UNKNOWN if worst == Certainty.UNKNOWN else Amount(self.value + other.value, worst)

    def __mul__(self, factor: float) -> "Amount":
        """Scale an amount."""
        return UNKNOWN if not self.is_known else Amount(self.value * factor, self.certainty)


NOTHING = Amount()
UNKNOWN = Amount(certainty=Certainty.UNKNOWN)


@dataclass(frozen=True)
class StageForecast:
    """One stage; `start` and `seconds` are seconds, the others amounts of all its agents.

    The messages and bytes a second are means over the time that it plays. A stage that cannot be started, or
    plays as fast as it can, has none.
    """

    position: int
    name: str
    agents: int
    start: Amount
    seconds: Amount
    delay: float
    messages: Amount
    size: Amount
    message_rate: Amount
    byte_rate: Amount
    is_unpaced: bool = False
    units: int = 0
    unit: Resources | None = None
    """Resources of one of its units; None: not on this backend, or it cannot be started."""


@dataclass(frozen=True)
class Forecast:
    """The complete design; the rates are the highest sums of stages that play at the same time."""

    pattern: str
    stages: tuple[StageForecast, ...]
    seconds: Amount
    agents: int
    """The most that play at the same time."""
    messages: Amount
    size: Amount
    message_rate: Amount
    byte_rate: Amount
    requested: Resources | None = None
    """Of all units that run at the same time; None: not on this backend, or of no stage."""


def forecast(pattern: str, transport: str, stages: Sequence[Stage]) -> Forecast:
    """Forecast a design from its rows, stored or not; the topics of their rosbags are read."""
    forecasts: list[StageForecast] = []
    start = NOTHING
    for index, stage in enumerate(stages):
        result = _stage(index, stage, transport, start)
        forecasts.append(result)
        if pattern == Pattern.SEQUENTIAL:
            start = start + result.seconds + Amount(result.delay)
    return _total(pattern, forecasts)


def _total(pattern: str, stages: list[StageForecast]) -> Forecast:
    at_once = pattern == Pattern.PARALLEL
    agents = [stage.agents for stage in stages]
    ends = [stage.start + stage.seconds for stage in stages]
    join = _sum if at_once else _highest  # all parallel stages are released together
    return Forecast(
        pattern=pattern,
        stages=tuple(stages),
        seconds=_highest(ends),
        agents=sum(agents) if at_once else max(agents, default=0),
        messages=_sum(stage.messages for stage in stages),
        size=_sum(stage.size for stage in stages),
        message_rate=join(stage.message_rate for stage in stages),
        byte_rate=join(stage.byte_rate for stage in stages),
        requested=_requested(stages, sum if at_once else max),
    )


def _requested(
    stages: Sequence[StageForecast], join: Callable[[Iterable[int]], int]
) -> Resources | None:
    rows = [(stage.units, stage.unit) for stage in stages if stage.unit is not None]
    if not rows:
        return None
    return Resources(
        cpu=join(units * unit.cpu for units, unit in rows),
        cpu_limit=join(units * unit.cpu_limit for units, unit in rows),
        memory=join(units * unit.memory for units, unit in rows),
        memory_limit=join(units * unit.memory_limit for units, unit in rows),
    )


def _stage(index: int, stage: Stage, transport: str, start: Amount) -> StageForecast:
    if stage_errors(index, stage, transport):
        return _refused(stage, start)
    plan = plan_stage(stage, 1, transport)
    contents = stage_topics(stage.template, transport).contents
    seconds, share = _seconds(plan), _share(plan)
    passes = plan.agents * plan.repeats
    messages, size = share * (passes * contents.messages), share * (passes * contents.size)
    return StageForecast(
        position=stage.position,
        name=plan.name,
        agents=plan.agents,
        start=start,
        seconds=seconds,
        delay=plan.delay_after,
        messages=messages,
        size=size,
        message_rate=_rate(plan, contents.messages),
        byte_rate=_rate(plan, contents.size),
        is_unpaced=plan.rate <= 0,
        units=-(-plan.agents // settings.AGENTS_PER_UNIT),
        unit=stage_resources(
            plan, stage.template, stage.template.rosbag, transport, settings.AGENTS_PER_UNIT
        ),
    )


def _refused(stage: Stage, start: Amount) -> StageForecast:
    return StageForecast(
        position=stage.position,
        name=stage.name or stage.template.name,
        agents=stage.agent_count,
        start=start,
        seconds=UNKNOWN,
        delay=stage.delay_after,
        messages=UNKNOWN,
        size=UNKNOWN,
        message_rate=UNKNOWN,
        byte_rate=UNKNOWN,
    )


def _seconds(plan: PlanStage) -> Amount:
    """Duration of a stage: its passes or its time limit, whichever ends first."""
    limit = plan.execution_time
    if plan.rate <= 0:
        return Amount(limit, Certainty.LIMIT) if limit else UNKNOWN
    passes = plan.seconds_of_passes
    certainty = _certainty(plan) if plan.seconds_known else Certainty.LIMIT
    return Amount(min(passes, limit or passes), certainty)


def _share(plan: PlanStage) -> Amount:
    """Part of all its messages that a stage plays before its time limit."""
    if not plan.execution_time:
        return Amount(1.0, _certainty(plan))
    passes = plan.seconds_of_passes
    if plan.rate > 0 and passes <= plan.execution_time:
        return Amount(1.0, _certainty(plan))
    if plan.rate > 0 and plan.seconds_known:
        return Amount(plan.execution_time / passes, Certainty.ESTIMATE)
    return Amount(1.0, Certainty.LIMIT)


def _rate(plan: PlanStage, count_a_pass: int) -> Amount:
    """Mean a second of all agents of a stage while it plays."""
    if plan.rate <= 0 or not plan.seconds_known or plan.seconds_a_pass <= 0:
        return UNKNOWN
    count = plan.agents * plan.repeats * count_a_pass
    return Amount(count / plan.seconds_of_passes, _certainty(plan))


def _certainty(plan: PlanStage) -> Certainty:
    """Certainty of what complete passes have."""
    return Certainty.EXACT if plan.messages_known else Certainty.ESTIMATE


def _sum(amounts: Iterable[Amount]) -> Amount:
    return sum(amounts, NOTHING)


def _highest(amounts: Iterable[Amount]) -> Amount:
    """The highest amount; unknown if one of them is."""
    rows = list(amounts)
    total = _sum(rows)
    if not total.is_known:
        return UNKNOWN
    return Amount(max((row.value for row in rows), default=0.0), total.certainty)
