"""Calculation of the progress of an execution, without database or Redis.

Percent of a stage is the share of its planned messages that the newest attempts have published, or of its
time limit that has passed, whichever is more; it never falls. A unit that is tried again starts from zero,
so the percentage of its stage stays until the new attempt has caught up. Messages of earlier attempts were
sent, so they stay counted.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import asdict

from simulations.choices import ENDED, AgentStatus, Pattern, RunStatus
from simulations.live.unit_counts import AttemptKey, UnitCount
from simulations.services.plan import Plan, PlanStage
from simulations.services.progress.outages import Outage
from simulations.services.progress.resources import (
    ResourceTotals,
    resources_of_all,
    resources_of_stage,
)

ALL = 100.0
NEARLY_ALL = 99.0
"""Reached at most by counting messages whose number is estimated."""
_NOT_STARTED = frozenset({RunStatus.PENDING, RunStatus.PREPARING})


class StageProgress(ResourceTotals, frozen=True, kw_only=True):
    """One stage; `percent` is 0 to 100, `agents` counts agents by state.

    `expected_end`: when its agents will have finished, if that can be estimated; the end, if it has ended.
    """

    position: int
    name: str
    status: str
    percent: float
    agents: dict[str, int]
    planned_agents: int
    messages_published: int
    expected_end: datetime | None
    messages_undelivered: int = 0
    """As of the last event of the connections."""
    waiting: dict[str, Any] | None = None
    """Why units do not run: `code`, `reason` and number of `units`; None: none is known to wait."""


class Progress(ResourceTotals, frozen=True, kw_only=True):
    """The execution; `overall` is 0 to 100, the mean of the stages weighted by their agents."""

    status: str
    data_status: str
    overall: float
    agents: dict[str, int]
    planned_agents: int
    messages_published: int
    expected_end: datetime | None
    as_of: datetime
    last_event: int
    """Sequence number of the newest event that is included."""
    stages: tuple[StageProgress, ...]
    messages_undelivered: int = 0
    outages: tuple[Outage, ...] = ()


class StageInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Values of a stage run in the database."""

    pk: int
    position: int
    status: str
    release_at: datetime | None
    agents_ended_at: datetime | None
    ended_at: datetime | None
    waiting: dict[str, Any] | None = None


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """Values of an execution in the database, as they were after its event number `event_count`."""

    status: str
    data_status: str
    event_count: int
    stop_asked_at: datetime | None
    ended_at: datetime | None
    stages: tuple[StageInputs, ...]
    outages: tuple[Outage, ...] = ()


def calculate(
    plan: Plan,
    inputs: Inputs,
    counts: Mapping[AttemptKey, UnitCount],
    now: datetime,
    previous: Progress | None = None,
) -> Progress:
    """Calculate the progress at a time; no percentage is less than in `previous`."""
    newest = _newest_attempts(counts)
    reached = {stage.position: stage.percent for stage in previous.stages} if previous else {}
    stages: list[StageProgress] = []
    for run in inputs.stages:
        stage = plan.stage(run.position)
        start = _earliest_start(plan, stages, now)
        units = [count for (stage_run, _unit), (_a, count) in newest.items() if stage_run == run.pk]
        total = sum(count.published for key, count in counts.items() if key[0] == run.pk)
        percent = _percent(run, stage, sum(count.published for count in units), inputs, now)
        if run.status not in ENDED:
            percent = max(percent, reached.get(run.position, 0.0))
        stages.append(
            StageProgress(
                position=run.position,
                name=stage.name,
                status=run.status,
                percent=percent,
                agents=_agents(units, stage.agents, skipped=run.status == RunStatus.SKIPPED),
                planned_agents=stage.agents,
                messages_published=total,
                messages_undelivered=_undelivered(inputs, run.position),
                expected_end=_expected_end(run, stage, percent, start, now),
                waiting=run.waiting,
                **asdict(resources_of_stage(counts, run.pk, stage.resources, plan.units(stage))),
            )
        )
    return _total(plan, inputs, stages, now)


def _total(plan: Plan, inputs: Inputs, stages: list[StageProgress], now: datetime) -> Progress:
    agents: Counter[str] = Counter()
    for stage in stages:
        agents.update(stage.agents)
    weighted = sum(stage.planned_agents * stage.percent for stage in stages)
    overall = 100.0 if inputs.status == RunStatus.COMPLETED else weighted / max(1, plan.agents)
    ends = [stage.expected_end for stage in stages if stage.expected_end is not None]
    expected = max(ends) if ends and len(ends) == len(stages) else None
    return Progress(
        status=inputs.status,
        data_status=inputs.data_status,
        overall=_rounded(overall),
        agents=dict(agents),
        planned_agents=plan.agents,
        messages_published=sum(stage.messages_published for stage in stages),
        expected_end=inputs.ended_at if inputs.status in ENDED else expected,
        as_of=now,
        last_event=inputs.event_count,
        stages=tuple(stages),
        messages_undelivered=sum(stage.messages_undelivered for stage in stages),
        outages=inputs.outages,
        **asdict(resources_of_all(stages, at_once=plan.pattern == Pattern.PARALLEL)),
    )


def _undelivered(inputs: Inputs, position: int) -> int:
    return sum(outage.messages for outage in inputs.outages if outage.stage == position)


def _newest_attempts(
    counts: Mapping[AttemptKey, UnitCount],
) -> dict[tuple[int, int], tuple[int, UnitCount]]:
    """The newest attempt of each unit, by stage run and unit."""
    newest: dict[tuple[int, int], tuple[int, UnitCount]] = {}
    for (stage_run, unit, attempt), count in counts.items():
        other = newest.get((stage_run, unit))
        if other is None or attempt > other[0]:
            newest[stage_run, unit] = (attempt, count)
    return newest


def _agents(units: list[UnitCount], planned: int, *, skipped: bool) -> dict[str, int]:
    """Agents by state; those without a report are pending, unless their stage was skipped."""
    agents: Counter[str] = Counter()
    for count in units:
        agents.update(count.agents)
    pending = planned - sum(agents.values())
    if pending > 0 and not skipped:
        agents[str(AgentStatus.PENDING)] += pending
    return {state: number for state, number in agents.items() if number}


def _percent(
    run: StageInputs, stage: PlanStage, published: int, inputs: Inputs, now: datetime
) -> float:
    if run.status == RunStatus.COMPLETED:
        return 100.0
    if run.status in {RunStatus.PENDING, RunStatus.SKIPPED}:
        return 0.0
    percent = 100.0 * published / stage.planned_messages if stage.planned_messages else 0.0
    if not stage.messages_known:
        percent = min(percent, NEARLY_ALL)
    if stage.execution_time and run.release_at:
        # Time no longer counts after a stop or the end.
        ends = [run.agents_ended_at, run.ended_at, inputs.stop_asked_at, now]
        until = min(end for end in ends if end is not None)
        elapsed = (until - run.release_at).total_seconds()
        percent = max(percent, 100.0 * elapsed / stage.execution_time)
    return _rounded(percent)


def _rounded(percent: float) -> float:
    return round(max(0.0, min(100.0, percent)), 2)


def planned_seconds(stage: PlanStage) -> float | None:
    """Duration of a stage by its plan; None if it cannot be planned.

    That is without a time limit, unpaced or with shortened gaps that the index of its rosbag does not tell.
    """
    paced = stage.rate > 0 and stage.seconds_known
    passes = stage.seconds_of_passes if paced else None
    limits = [limit for limit in (passes, stage.execution_time or None) if limit is not None]
    return min(limits) if limits else None


def _earliest_start(
    plan: Plan, earlier_stages: list[StageProgress], now: datetime
) -> datetime | None:
    """Earliest start of the next stage; None if the end of the stage before it cannot be estimated."""
    if plan.pattern == Pattern.PARALLEL or not earlier_stages:
        return now
    last = earlier_stages[-1]
    if last.expected_end is None:
        return None
    end = _later(last.expected_end, plan.stage(last.position).delay_after)
    return None if end is None else max(now, end)


def _later(moment: datetime, seconds: float) -> datetime | None:
    """The moment so many seconds later; None where no calendar reaches, as a slow bag may play for ages."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _expected_end(
    run: StageInputs, stage: PlanStage, percent: float, start: datetime | None, now: datetime
) -> datetime | None:
    """Expected end of a stage's agents; time for preparation, uploads and checks is not included."""
    if run.status in ENDED or run.agents_ended_at:
        return run.ended_at or run.agents_ended_at
    seconds = planned_seconds(stage)
    if run.release_at is None or run.status in _NOT_STARTED:
        return None if start is None or seconds is None else _later(start, seconds)
    if seconds is not None:
        end = _later(run.release_at, seconds)
        return None if end is None else max(now, end)
    elapsed = (now - run.release_at).total_seconds()
    if 0.0 < percent < ALL and elapsed > 0:  # estimated from the speed so far
        return _later(now, elapsed * (ALL - percent) / percent)
    return None
