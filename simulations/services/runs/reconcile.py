"""The steps of the controller: each pass moves every active execution one step towards its end.

Nothing is kept in memory between passes. Intentions are in the database before they are carried out, and
this or another controller can repeat each step, wherever the last one was killed.
"""

from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from common import tracing
from simulations.choices import (
    ENDED,
    DataStatus,
    EventKind,
    FailureCode,
    Pattern,
    RunStatus,
)
from simulations.exceptions import RedisUnreachableError
from simulations.failures import failure
from simulations.live import heartbeats, snapshots
from simulations.models import Execution, Recording, StageRun
from simulations.services.events import record_event
from simulations.services.plan import Plan, plan_of
from simulations.services.progress.stage_figures import StageFigures, stage_figures
from simulations.services.progress.subscribers import subscribers_of, unheard_values
from simulations.services.runs import lifecycle, recordings
from simulations.services.runs.active_stage import ActiveStage
from simulations.services.runs.stage_steps import is_ready, step_stage, stop_stage

log = structlog.get_logger(__name__)


def reconcile() -> int:
    """Take one step with each active execution.

    Returns:
        The number of active executions.

    Raises:
        Error: The database is unreachable.
    """
    active = list(Execution.objects.active().order_by("pk").values_list("pk", flat=True))
    for pk in active:
        with structlog.contextvars.bound_contextvars(execution=pk):
            try:
                with tracing.span("controller step", execution=pk):
                    # Read here: it may have been stopped during the steps of the others.
                    step(Execution.objects.select_related("simulation").get(pk=pk))
            except (OperationalError, InterfaceError):
                if not connection.is_usable():  # the others would fail as well
                    raise
                log.exception("step_failed")
            except Exception:  # one execution must not block the others
                log.exception("step_failed")
    return len(active)


def step(execution: Execution) -> None:
    """Take the next step of one execution."""
    plan = plan_of(execution)
    if execution.status == RunStatus.PENDING:
        lifecycle.move_execution(execution, [RunStatus.PENDING], RunStatus.PREPARING)
    lifecycle.record_start(execution)
    stages = [ActiveStage(run, plan) for run in execution.stage_runs.order_by("position")]
    if execution.status == RunStatus.STOPPING:
        for active in stages:
            stop_stage(execution, active)
    else:
        for active in _due_stages(stages, plan):
            step_stage(active)
        _release(execution, stages, plan)
    _finish(execution, plan, [active.stage_run for active in stages])


def _due_stages(stages: list[ActiveStage], plan: Plan) -> list[ActiveStage]:
    """The stages that take a step now."""
    unfinished = [active for active in stages if active.stage_run.status not in ENDED]
    if plan.pattern == Pattern.PARALLEL or not unfinished:
        return unfinished
    first = unfinished[0]
    before = stages[: stages.index(first)]
    if before and first.stage_run.status == RunStatus.PENDING:
        delay = timedelta(seconds=before[-1].stage.delay_after)
        ended_at = before[-1].stage_run.ended_at
        if ended_at is None or timezone.now() < ended_at + delay:
            return []
    return [first]


def _release(execution: Execution, stages: list[ActiveStage], plan: Plan) -> None:
    """Set a common start of all preparing stage runs, once all their agents are ready or given up."""
    preparing = [active for active in stages if active.stage_run.status == RunStatus.PREPARING]
    if not preparing or not all([is_ready(active) for active in preparing]):  # noqa: C419 - observes each
        return
    pending = any(active.stage_run.status == RunStatus.PENDING for active in stages)
    if plan.pattern == Pattern.PARALLEL and pending:
        return  # another controller is launching it
    lead = timedelta(seconds=settings.RELEASE_LEAD_SECONDS)
    stage_runs = [active.stage_run for active in preparing]
    lifecycle.release(execution, stage_runs, timezone.now() + lead)


def _finish(execution: Execution, plan: Plan, stage_runs: list[StageRun]) -> None:
    """End an execution whose stage runs have ended; a failed one skips the stages after it."""
    failed = [
        run
        for run in stage_runs
        if run.status == RunStatus.FAILED and not plan.stage(run.position).continue_on_failure
    ]
    if failed:
        for stage_run in stage_runs:
            lifecycle.move_stage(stage_run, [RunStatus.PENDING], RunStatus.SKIPPED)
    if all(run.status == RunStatus.FINALIZING or run.status in ENDED for run in stage_runs):
        playing = [RunStatus.PREPARING, RunStatus.RUNNING]
        lifecycle.move_execution(execution, playing, RunStatus.FINALIZING)
    if not all(run.status in ENDED for run in stage_runs):
        return
    rows = Recording.objects.filter(stage_run__execution=execution)
    data_status = recordings.data_status(rows)
    if execution.status == RunStatus.STOPPING:
        ended = lifecycle.move_execution(
            execution, [RunStatus.STOPPING], RunStatus.STOPPED, data_status=data_status
        )
    else:
        warnings = _warnings(execution, stage_runs)
        ended = _set_result(execution, failed, data_status, warnings)
    if ended:
        _clean_up(execution)


def _clean_up(execution: Execution) -> None:
    """Remove the live state of an ended execution; it expires if this controller is killed before."""
    try:
        counts = heartbeats.count_snapshots(execution.pk)
        record_event(execution.pk, EventKind.EXECUTION_HEARTBEATS, payload=counts._asdict())
        snapshots.delete_all(execution.pk)
    except RedisUnreachableError:
        log.info("live_state_left")


def _warnings(execution: Execution, stage_runs: list[StageRun]) -> list[dict[str, Any]]:
    """Warnings for users: those of the start, and about stages that completed all the same."""
    figures = stage_figures(execution)
    unheard = unheard_values(subscribers_of(execution))
    warnings = list(execution.warnings or [])
    for run in stage_runs:
        if run.status != RunStatus.COMPLETED:
            continue
        if not figures.get(run.position, StageFigures()).messages:
            warnings.append({"code": FailureCode.NO_MESSAGES, "stage": run.position})
        if values := unheard.get(run.position):
            code = FailureCode.NOBODY_LISTENS
            warnings.append({"code": code, "stage": run.position, "values": values})
    return warnings


def _set_result(
    execution: Execution,
    failed: list[StageRun],
    data_status: DataStatus,
    warnings: list[dict[str, Any]],
) -> bool:
    fields: dict[str, Any] = {"warnings": warnings}
    if failed:
        names = ("failure_code", "failure_values", "failure_text")
        fields |= {name: getattr(failed[0], name) for name in names}
    elif data_status == DataStatus.INCOMPLETE:
        fields |= failure(FailureCode.RECORDING_LOST)
    to = RunStatus.FAILED if "failure_code" in fields else RunStatus.COMPLETED
    return lifecycle.move_execution(
        execution, [RunStatus.FINALIZING], to, data_status=data_status, **fields
    )
