"""How far an execution is: arithmetic on what units said last, without database or Redis.

Percent of a stage is the share of its planned messages that the newest attempts have published, or of its
time limit that has passed, whichever is more; it never falls. A unit that is tried again starts from
nothing, so its stage stands still until the new attempt is as far as the old one was. What earlier attempts
published did go out and stays counted in the messages.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from simulations.choices import ENDED, AgentStatus, Pattern, RunStatus
from simulations.live.tallies import Tally, TallyKey
from simulations.services.plan import Plan, PlanStage

ALL = 100.0
_NOT_BEGUN = frozenset({RunStatus.PENDING, RunStatus.PREPARING})


class StageProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One stage; `percent` is 0 to 100, `agents` counts agents by state.

    `expected_end`: when its agents will have played, as far as that is known; when it ended, once it has.
    """

    position: int
    name: str
    status: str
    percent: float
    agents: dict[str, int]
    planned_agents: int
    messages_published: int
    expected_end: datetime | None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The whole: `overall` is 0 to 100, the mean of the stages weighed by their agents."""

    status: str
    data_status: str
    overall: float
    agents: dict[str, int]
    planned_agents: int
    messages_published: int
    expected_end: datetime | None
    as_of: datetime
    last_event: int
    """Sequence number of the newest event that it knows of."""
    stages: tuple[StageProgress, ...]


class StageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the database says of a stage run."""

    pk: int
    position: int
    status: str
    release_at: datetime | None
    agents_ended_at: datetime | None
    ended_at: datetime | None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the database says of an execution, as it was after its event number `event_count`."""

    status: str
    data_status: str
    event_count: int
    stop_asked_at: datetime | None
    ended_at: datetime | None
    stages: tuple[StageFacts, ...]


def reckon(
    plan: Plan,
    facts: Facts,
    tallies: Mapping[TallyKey, Tally],
    now: datetime,
    before: Progress | None = None,
) -> Progress:
    """The progress at this moment; `before` is what was told last, so that nothing goes backwards."""
    newest = _newest(tallies)
    reached = {each.position: each.percent for each in before.stages} if before else {}
    stages: list[StageProgress] = []
    for run in facts.stages:
        stage = plan.stage(run.position)
        start = _earliest(plan, stages, now)
        some = [tally for (stage_run, _unit), (_a, tally) in newest.items() if stage_run == run.pk]
        total = sum(tally.published for key, tally in tallies.items() if key[0] == run.pk)
        percent = _percent(run, stage, sum(tally.published for tally in some), facts, now)
        if run.status not in ENDED:
            percent = max(percent, reached.get(run.position, 0.0))
        stages.append(
            StageProgress(
                position=run.position,
                name=stage.name,
                status=run.status,
                percent=percent,
                agents=_counted(some, stage.agents, skipped=run.status == RunStatus.SKIPPED),
                planned_agents=stage.agents,
                messages_published=total,
                expected_end=_expected_end(run, stage, percent, start, now),
            )
        )
    return _whole(plan, facts, stages, now)


def _whole(plan: Plan, facts: Facts, stages: list[StageProgress], now: datetime) -> Progress:
    agents: Counter[str] = Counter()
    for stage in stages:
        agents.update(stage.agents)
    done = sum(stage.planned_agents * stage.percent for stage in stages)
    overall = 100.0 if facts.status == RunStatus.COMPLETED else done / max(1, plan.agents)
    ends = [stage.expected_end for stage in stages]
    known = [end for end in ends if end is not None]
    expected = max(known) if known and len(known) == len(ends) else None
    return Progress(
        status=facts.status,
        data_status=facts.data_status,
        overall=_bounded(overall),
        agents=dict(agents),
        planned_agents=plan.agents,
        messages_published=sum(stage.messages_published for stage in stages),
        expected_end=facts.ended_at if facts.status in ENDED else expected,
        as_of=now,
        last_event=facts.event_count,
        stages=tuple(stages),
    )


def _newest(tallies: Mapping[TallyKey, Tally]) -> dict[tuple[int, int], tuple[int, Tally]]:
    """The newest attempt of each unit, by stage run and unit."""
    newest: dict[tuple[int, int], tuple[int, Tally]] = {}
    for (stage_run, unit, attempt), tally in tallies.items():
        known = newest.get((stage_run, unit))
        if known is None or attempt > known[0]:
            newest[stage_run, unit] = (attempt, tally)
    return newest


def _counted(some: list[Tally], planned: int, *, skipped: bool) -> dict[str, int]:
    """Agents by state; those that no unit has spoken of are pending, unless their stage never begins."""
    counts: Counter[str] = Counter()
    for tally in some:
        counts.update(tally.agents)
    waiting = planned - sum(counts.values())
    if waiting > 0 and not skipped:
        counts[str(AgentStatus.PENDING)] += waiting
    return {state: count for state, count in counts.items() if count}


def _percent(
    run: StageFacts, stage: PlanStage, published: int, facts: Facts, now: datetime
) -> float:
    if run.status == RunStatus.COMPLETED:
        return 100.0
    if run.status in {RunStatus.PENDING, RunStatus.SKIPPED}:
        return 0.0
    percent = 100.0 * published / stage.planned_messages if stage.planned_messages else 0.0
    if stage.execution_time and run.release_at:
        # What was stopped or has ended goes no further with time.
        ends = [run.agents_ended_at, run.ended_at, facts.stop_asked_at, now]
        until = min(end for end in ends if end is not None)
        elapsed = (until - run.release_at).total_seconds()
        percent = max(percent, 100.0 * elapsed / stage.execution_time)
    return _bounded(percent)


def _bounded(percent: float) -> float:
    return round(max(0.0, min(100.0, percent)), 2)


def seconds_of(stage: PlanStage) -> float | None:
    """How long its agents play, by the plan; None where only trying tells (unpaced, without a limit)."""
    passes = stage.seconds_a_pass * stage.repeats if stage.rate > 0 else None
    limits = [limit for limit in (passes, stage.execution_time or None) if limit is not None]
    return min(limits) if limits else None


def _earliest(plan: Plan, before: list[StageProgress], now: datetime) -> datetime | None:
    """When a stage that has not begun may begin; None when the one before it ends nobody knows when."""
    if plan.pattern == Pattern.PARALLEL or not before:
        return now
    last = before[-1]
    if last.expected_end is None:
        return None
    return max(now, last.expected_end + timedelta(seconds=plan.stage(last.position).delay_after))


def _expected_end(
    run: StageFacts, stage: PlanStage, percent: float, start: datetime | None, now: datetime
) -> datetime | None:
    """When agents of a stage have played; preparing, uploading and checking come on top."""
    if run.status in ENDED or run.agents_ended_at:
        return run.ended_at or run.agents_ended_at
    seconds = seconds_of(stage)
    if run.release_at is None or run.status in _NOT_BEGUN:
        known = start is not None and seconds is not None
        return start + timedelta(seconds=seconds or 0.0) if start and known else None
    if seconds is not None:
        return max(now, run.release_at + timedelta(seconds=seconds))
    elapsed = (now - run.release_at).total_seconds()
    if 0.0 < percent < ALL and elapsed > 0:  # unpaced: as fast as so far
        return now + timedelta(seconds=elapsed * (ALL - percent) / percent)
    return None
