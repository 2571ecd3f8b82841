"""What the controller does: each pass takes every active execution one step towards its end.

Nothing is remembered between passes. What is intended is in the database before it is done, and each step
may be taken again, by this controller or another, from whatever line the last one died at.
"""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from common import tracing
from simulations.backends.base import UnitState
from simulations.choices import (
    ENDED,
    PLAYING,
    AgentStatus,
    DataStatus,
    EventKind,
    FailureCode,
    Pattern,
    RunStatus,
)
from simulations.exceptions import BackendError, LiveAwayError
from simulations.failures import failure
from simulations.live import heartbeats, silence, snapshots
from simulations.models import Execution, StageRun
from simulations.services.events import record_event
from simulations.services.plan import Plan, plan_of
from simulations.services.runs import fleet, lifecycle, recordings
from simulations.services.runs.active_stage import ActiveStage

log = structlog.get_logger(__name__)

STOP_GRACE = timedelta(seconds=60)
"""Beyond the upload limit: how long a stopped unit may take to go."""


def reconcile(*, begin: bool = True) -> int:
    """Take one step with each active execution; the answer is how many there are.

    Without `begin` those that are PENDING are left to another controller.

    Raises:
        Error: of the database, which is away.
    """
    wanted = Execution.objects.active().order_by("pk")
    if not begin:
        wanted = wanted.exclude(status=RunStatus.PENDING)
    active = list(wanted.values_list("pk", flat=True))
    for pk in active:
        with structlog.contextvars.bound_contextvars(execution=pk):
            try:
                with tracing.span("controller step", execution=pk):
                    # Read at its turn: the steps before may have taken a while, and a stop have come.
                    step(Execution.objects.select_related("simulation").get(pk=pk))
            except (OperationalError, InterfaceError):
                if not connection.is_usable():  # the others would fail the same
                    raise
                log.exception("step_failed")
            except Exception:  # one execution must not hold up the others
                log.exception("step_failed")
    return len(active)


def note_leap(seconds: float) -> None:
    """After a pass as long as units may be silent, let silence count anew.

    The machine slept, the clock was set, or this process was held up: units had no time to speak either,
    or nobody knows how long they were silent.
    """
    if abs(seconds) > settings.HUNG_AFTER_SECONDS / 2:
        log.warning("clock_leapt", seconds=round(seconds, 1))
        with suppress(LiveAwayError):
            silence.reset()


def step(execution: Execution) -> None:
    """Take the next step of one execution."""
    plan = plan_of(execution)
    if execution.status == RunStatus.PENDING:
        lifecycle.move_execution(execution, [RunStatus.PENDING], RunStatus.PREPARING)
    stages = [ActiveStage(run, plan) for run in execution.stage_runs.order_by("position")]
    if execution.status == RunStatus.STOPPING:
        for active in stages:
            _stop_stage(execution, active)
    else:
        for active in _due(stages, plan):
            _step_stage(active)
        _release(execution, stages, plan)
    _finish(execution, plan)


def _due(stages: list[ActiveStage], plan: Plan) -> list[ActiveStage]:
    """The stages whose turn it is."""
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


def _step_stage(active: ActiveStage) -> None:
    stage_run = active.stage_run
    if stage_run.status == RunStatus.PENDING:
        now = timezone.now()
        lifecycle.move_stage(stage_run, [RunStatus.PENDING], RunStatus.PREPARING, prepared_at=now)
    if stage_run.status == RunStatus.PREPARING:
        _prepare(active)
    if stage_run.status == RunStatus.RUNNING:
        _run(active)
    if stage_run.status == RunStatus.FINALIZING and not recordings.settle(active):
        _conclude(active)


def _prepare(active: ActiveStage) -> None:
    """Launch what was not launched; the handle says that all of it was."""
    stage_run = active.stage_run
    if not stage_run.handle:
        recordings.expect(active)
        try:
            handle = active.backend.launch(active.job)
        except BackendError as error:
            log.warning("launch_failed", stage_run=stage_run.pk, error=str(error))
            _give_up(active, str(error))
            return
        StageRun.objects.filter(pk=stage_run.pk, handle="").update(handle=handle)
        stage_run.refresh_from_db()


def _give_up(active: ActiveStage, error: str) -> None:
    """Fail a stage whose units could not be started for as long as stragglers are waited for."""
    stage_run = active.stage_run
    if not _straggling(stage_run):
        return
    code = FailureCode.BACKEND_UNAVAILABLE
    # From here on none of its units may register; then those that did are ended.
    given_up = lifecycle.move_stage(
        stage_run,
        [RunStatus.PREPARING],
        RunStatus.FINALIZING,
        **failure(code, reason=error),
    )
    if given_up:
        fleet.give_up(active, code)


def _straggling(stage_run: StageRun) -> bool:
    limit = timedelta(seconds=settings.STRAGGLER_LIMIT_SECONDS)
    return stage_run.prepared_at is not None and timezone.now() > stage_run.prepared_at + limit


def _release(execution: Execution, stages: list[ActiveStage], plan: Plan) -> None:
    """Give one start to all stage runs that prepare, once none of their agents is still awaited."""
    preparing = [active for active in stages if active.stage_run.status == RunStatus.PREPARING]
    if not preparing or not all([_assembled(active) for active in preparing]):  # noqa: C419 - look at each
        return
    pending = any(active.stage_run.status == RunStatus.PENDING for active in stages)
    if plan.pattern == Pattern.PARALLEL and pending:
        return  # another controller launches it at this moment
    lead = timedelta(seconds=settings.RELEASE_LEAD_SECONDS)
    stage_runs = [active.stage_run for active in preparing]
    lifecycle.release(execution, stage_runs, timezone.now() + lead)


def _assembled(active: ActiveStage) -> bool:
    """Whether all agents of a stage run are ready, given up, or waited for long enough."""
    stage_run, stage = active.stage_run, active.stage
    if not stage_run.handle:
        return False
    seen = fleet.look(active, retry=True)
    ready = stage_run.agent_runs.filter(status=AgentStatus.READY).count()
    gone = sum(
        len(active.plan.slots(stage, unit.unit))
        for unit in seen
        if unit.state in {UnitState.ENDED, UnitState.FAILED}
    )
    return ready + gone >= stage.agents or (ready > 0 and _straggling(stage_run))


def _run(active: ActiveStage) -> None:
    fleet.kill_overdue(active)
    seen = fleet.look(active, retry=True)
    if all(unit.state in {UnitState.ENDED, UnitState.FAILED} for unit in seen):
        lifecycle.move_stage(
            active.stage_run,
            [RunStatus.RUNNING],
            RunStatus.FINALIZING,
            agents_ended_at=timezone.now(),
        )


def _conclude(active: ActiveStage) -> None:
    """Judge a stage run whose agents have ended and whose recordings are settled."""
    stage_run, stage = active.stage_run, active.stage
    if stage_run.failure_code:
        lifecycle.move_stage(stage_run, [RunStatus.FINALIZING], RunStatus.FAILED)
        return
    ended = fleet.outcome(stage_run)
    completed = _completed(ended)
    if completed * 100 >= stage.min_success * stage.agents:
        lifecycle.move_stage(stage_run, [RunStatus.FINALIZING], RunStatus.COMPLETED)
        return
    codes = {code for (_s, code) in ended if code}
    code = codes.pop() if len(codes) == 1 else FailureCode.TOO_FEW_COMPLETED
    figures = {"completed": completed, "agents": stage.agents, "least": stage.min_success}
    lifecycle.move_stage(
        stage_run, [RunStatus.FINALIZING], RunStatus.FAILED, **failure(code, **figures)
    )


def _completed(ended: Counter[tuple[str, str]]) -> int:
    return sum(n for (status, _code), n in ended.items() if status == AgentStatus.COMPLETED)


def _stop_stage(execution: Execution, active: ActiveStage) -> None:
    """See the units of a stage run out; they are told to stop by their heartbeats."""
    stage_run = active.stage_run
    if stage_run.status in ENDED:
        return
    if stage_run.status == RunStatus.PENDING:
        lifecycle.move_stage(stage_run, [RunStatus.PENDING], RunStatus.SKIPPED, stopping=True)
        return
    seen = fleet.look(active, retry=False, stopping=True)
    if any(unit.state is UnitState.ALIVE for unit in seen):
        limit = STOP_GRACE + timedelta(seconds=settings.UPLOAD_LIMIT_SECONDS)
        if execution.stop_asked_at and timezone.now() > execution.stop_asked_at + limit:
            fleet.kill_all(active)
        return
    recordings.excuse(stage_run)
    if recordings.settle(active):
        return
    completed = _completed(fleet.outcome(stage_run))
    # What had come to its end before the stop is not called stopped.
    whole = completed == active.stage.agents and stage_run.status == RunStatus.FINALIZING
    to = RunStatus.COMPLETED if whole else RunStatus.STOPPED
    lifecycle.move_stage(stage_run, [*PLAYING, RunStatus.FINALIZING], to, stopping=True)


def _finish(execution: Execution, plan: Plan) -> None:
    """End an execution whose stage runs have ended; one that failed ends those that wait for it."""
    stage_runs = list(execution.stage_runs.order_by("position"))
    failed = [
        each
        for each in stage_runs
        if each.status == RunStatus.FAILED and not plan.stage(each.position).continue_on_failure
    ]
    if failed:
        for stage_run in stage_runs:
            lifecycle.move_stage(stage_run, [RunStatus.PENDING], RunStatus.SKIPPED)
    if all(each.status == RunStatus.FINALIZING or each.status in ENDED for each in stage_runs):
        playing = [RunStatus.PREPARING, RunStatus.RUNNING]
        lifecycle.move_execution(execution, playing, RunStatus.FINALIZING)
    if not all(each.status in ENDED for each in stage_runs):
        return
    data = recordings.data_status(execution)
    if execution.status == RunStatus.STOPPING:
        ended = lifecycle.move_execution(
            execution, [RunStatus.STOPPING], RunStatus.STOPPED, data_status=data
        )
    else:
        ended = _judge(execution, failed, data)
    if ended:
        _clear_up(execution, stage_runs, plan)


def _clear_up(execution: Execution, stage_runs: list[StageRun], plan: Plan) -> None:
    """Drop what an ended execution needs no more; a controller that dies here leaves it to `prune`."""
    if execution.status != RunStatus.FAILED and execution.data_status != DataStatus.INCOMPLETE:
        for stage_run in stage_runs:
            active = ActiveStage(stage_run, plan)
            active.backend.remove(active.job)
    try:
        beats = heartbeats.count_snapshots(execution.pk)
        record_event(execution.pk, EventKind.EXECUTION_HEARTBEATS, payload=beats._asdict())
        snapshots.delete_all(execution.pk)
    except LiveAwayError:
        log.info("live_state_left")


def _judge(execution: Execution, failed: list[StageRun], data: DataStatus) -> bool:
    fields: dict[str, Any] = {}
    if failed:
        names = ("failure_code", "failure_values", "failure_text")
        fields = {name: getattr(failed[0], name) for name in names}
    elif data == DataStatus.INCOMPLETE:
        fields = failure(FailureCode.RECORDING_LOST)
    to = RunStatus.FAILED if fields else RunStatus.COMPLETED
    return lifecycle.move_execution(
        execution, [RunStatus.FINALIZING], to, data_status=data, **fields
    )
