"""How far an execution is, from Redis while it runs and from the database once it has ended."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Sum
from django.utils import timezone

from agent.protocol import AgentReport
from simulations import live
from simulations.choices import ENDED, AgentStatus, RunStatus
from simulations.exceptions import LiveAwayError
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.plan import Plan, PlanStage, plan_of

StageProgress = tuple[int, str, str, float]
"""Position, name, status, percent."""


@dataclass(frozen=True)
class Progress:
    """`overall` is 0 to 100; `agents` counts agents by state."""

    status: str
    data_status: str
    overall: float
    agents: dict[str, int]
    planned_agents: int
    messages_published: int
    stages: tuple[StageProgress, ...]


def progress_of(execution: Execution) -> Progress:
    """The progress as it stands now."""
    plan = plan_of(execution)
    stage_runs = list(execution.stage_runs.order_by("position"))
    reports = {} if execution.ended else _reports(execution)
    if reports:
        counts = Counter(str(each.state) for some in reports.values() for each in some)
        published = sum(each.published for some in reports.values() for each in some)
    else:
        counts, published = _stored(execution)
    waiting = plan.agents - sum(counts.values())
    if waiting > 0:
        counts[AgentStatus.PENDING] += waiting
    stages = tuple(
        _stage(run, plan.stage(run.position), reports.get(run.pk, [])) for run in stage_runs
    )
    return Progress(
        status=execution.status,
        data_status=execution.data_status,
        overall=_overall(execution, plan, stages),
        agents=dict(counts),
        planned_agents=plan.agents,
        messages_published=published,
        stages=stages,
    )


def _reports(execution: Execution) -> dict[int, list[AgentReport]]:
    """What the agents said last, by stage run; nothing while Redis is away."""
    found: dict[int, list[AgentReport]] = {}
    try:
        for heard in live.heard(execution.pk):
            found.setdefault(heard.snapshot.stage_run, []).extend(heard.snapshot.agents)
    except LiveAwayError:
        return {}
    return found


def _stored(execution: Execution) -> tuple[Counter[str], int]:
    newest: dict[int, str] = {}
    rows = AgentRun.objects.filter(stage_run__execution=execution)
    for number, status in rows.order_by("attempt").values_list("number", "status"):
        newest[number] = status
    published = rows.aggregate(total=Sum("published"))["total"] or 0
    return Counter(newest.values()), published


def _stage(run: StageRun, stage: PlanStage, reports: list[AgentReport]) -> StageProgress:
    if run.status in ENDED or run.status == RunStatus.FINALIZING:
        percent = 0.0 if run.status == RunStatus.SKIPPED else 100.0
    else:
        sent = sum(report.published for report in reports)
        percent = 100.0 * sent / stage.planned_messages if stage.planned_messages else 0.0
        if stage.execution_time and run.release_at:
            elapsed = (timezone.now() - run.release_at).total_seconds()
            percent = max(percent, 100.0 * elapsed / stage.execution_time)
    return run.position, stage.name, run.status, max(0.0, min(100.0, percent))


def _overall(execution: Execution, plan: Plan, stages: tuple[StageProgress, ...]) -> float:
    """The mean of the stages, each weighed by its agents."""
    if execution.status == RunStatus.COMPLETED:
        return 100.0
    weights = {stage.position: stage.agents for stage in plan.stages}
    done = sum(weights[position] * percent for position, _name, _status, percent in stages)
    return done / max(1, sum(weights.values()))
