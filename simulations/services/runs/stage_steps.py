"""The steps of one stage run."""

from collections import Counter
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone

from simulations.backends.base import UnitState
from simulations.choices import (
    ENDED,
    PLAYING,
    AgentStatus,
    DataStatus,
    FailureCode,
    RunStatus,
)
from simulations.exceptions import BackendError
from simulations.failures import failure
from simulations.models import Execution, StageRun
from simulations.services.runs import (
    fleet,
    leftovers,
    lifecycle,
    recording_contents,
    recordings,
    waiting_units,
)
from simulations.services.runs.active_stage import ActiveStage
from simulations.services.runs.hearing import hearing

log = structlog.get_logger(__name__)

STOP_GRACE_SECONDS = 60.0
"""Time that a stopped unit has to end or to upload, in addition to the upload limit."""


def step_stage(active: ActiveStage) -> None:
    """Take the next step of a stage run."""
    stage_run = active.stage_run
    if stage_run.status == RunStatus.PENDING:
        now = timezone.now()
        lifecycle.move_stage(stage_run, [RunStatus.PENDING], RunStatus.PREPARING, prepared_at=now)
    if stage_run.status == RunStatus.PREPARING and not stage_run.handle:
        _launch(active)
    if stage_run.status == RunStatus.RUNNING:
        recordings.close_superseded(active)
        _finalize_if_ended(active)
    if stage_run.status == RunStatus.FINALIZING:
        if stage_run.failure_code:
            fleet.give_up(active)
        if not recordings.close_finished(active):
            _end_stage(active)


def _launch(active: ActiveStage) -> None:
    """Launch the units of a stage, as long as some may never have been started."""
    stage_run, handle = active.stage_run, active.job.name
    try:
        if not _was_launched(active):
            units = range(stage_run.units)
            recording_contents.create_expected(stage_run, active.plan, units)
            handle = active.backend.launch(active.job)
    except BackendError as error:
        waiting_units.record_unavailable(stage_run, error)
        _give_up_if_late(stage_run, str(error))
        return
    StageRun.objects.filter(pk=stage_run.pk, handle="").update(handle=handle)
    stage_run.refresh_from_db()


def _was_launched(active: ActiveStage) -> bool:
    """Check for a stage run that was launched, although its handle was not recorded, and has left nothing.

    Its units may be gone from the backend already: another launch would start them once more.
    """
    if not active.stage_run.agent_runs.exists():
        return False
    units = active.backend.observe(active.job, retry=False)
    return all(unit.state is UnitState.ABSENT for unit in units)


def _give_up_if_late(stage_run: StageRun, error: str) -> None:
    """Fail a stage whose units could not be started within the straggler limit."""
    if _is_past_straggler_limit(stage_run):
        # This status refuses registrations, so that no unit is missed when the others are given up.
        fields = failure(FailureCode.BACKEND_UNAVAILABLE, reason=error)
        lifecycle.move_stage(stage_run, [RunStatus.PREPARING], RunStatus.FINALIZING, **fields)


def _is_past_straggler_limit(stage_run: StageRun, more_seconds: float = 0.0) -> bool:
    limit = settings.STRAGGLER_LIMIT_SECONDS + more_seconds
    return hearing().seconds_since(stage_run.prepared_at) > limit


def is_ready(active: ActiveStage) -> bool:
    """Check that all agents of a stage run are ready or have ended, or that the limit is over."""
    stage_run, stage = active.stage_run, active.stage
    if not stage_run.handle:
        return False
    units = fleet.observe_units(active, retry=True)
    ready = stage_run.agent_runs.filter(status=AgentStatus.READY).count()
    ended = sum(
        len(active.plan.slots(stage, unit.unit)) for unit in units if unit.state in fleet.GONE
    )
    if ready + ended >= stage.agents:
        return True
    return ready > 0 and _is_past_straggler_limit(stage_run, stage.seconds_to_match)


def _finalize_if_ended(active: ActiveStage) -> None:
    fleet.kill_overdue(active)
    units = fleet.observe_units(active, retry=True)
    if all(unit.state in fleet.GONE for unit in units):
        lifecycle.move_stage(
            active.stage_run,
            [RunStatus.RUNNING],
            RunStatus.FINALIZING,
            agents_ended_at=timezone.now(),
        )


def _end_stage(active: ActiveStage) -> None:
    """Set the final status of a stage run whose agents have ended and whose recordings are closed."""
    to, fields = _result(active)
    if lifecycle.move_stage(active.stage_run, [RunStatus.FINALIZING], to, **fields):
        remove(active)


def _result(active: ActiveStage) -> tuple[RunStatus, dict[str, Any]]:
    stage_run, stage = active.stage_run, active.stage
    if stage_run.failure_code:
        return RunStatus.FAILED, {}
    outcomes = fleet.count_outcomes(stage_run)
    completed = _count_completed(outcomes)
    if completed * 100 < stage.min_success * stage.agents:
        codes = {code for (_s, code) in outcomes if code}
        code = codes.pop() if len(codes) == 1 else FailureCode.TOO_FEW_COMPLETED
        values: dict[str, Any] = {
            "completed": completed,
            "agents": stage.agents,
            "min_percent": stage.min_success,
        }
        return RunStatus.FAILED, failure(code, **values, **fleet.failure_values(stage_run, code))
    if stage.no_messages_allowed or stage_run.agent_runs.filter(published__gt=0).exists():
        return RunStatus.COMPLETED, {}
    return RunStatus.FAILED, failure(FailureCode.NO_MESSAGES)


def remove(active: ActiveStage) -> None:
    """Remove what the units of an ended stage run need no more; if that fails a later sweep does it."""
    incomplete = recordings.data_status(active.stage_run.recordings.all()) == DataStatus.INCOMPLETE
    keep = incomplete or active.stage_run.status == RunStatus.FAILED
    try:
        leftovers.remove_job(active, keep_recordings=keep)
    except BackendError as error:
        log.warning("job_not_removed", stage_run=active.stage_run.pk, error=str(error))


def _count_completed(outcomes: Counter[tuple[str, str]]) -> int:
    return sum(n for (status, _code), n in outcomes.items() if status == AgentStatus.COMPLETED)


def _goes_on(execution: Execution, active: ActiveStage) -> bool:
    """Check that units of a stopping stage run have not ended yet, and kill those that are late."""
    units = fleet.observe_units(active, retry=False, stopping=True)
    if not any(unit.state in {UnitState.ALIVE, UnitState.PENDING} for unit in units):
        return False
    limit = STOP_GRACE_SECONDS + settings.UPLOAD_LIMIT_SECONDS
    if hearing().seconds_since(execution.stop_asked_at) <= limit:
        return True
    # A backend that never comes back must not keep the execution for ever.
    return fleet.kill_unless_uploading(active) or not fleet.abandon_silent(active)


def stop_stage(execution: Execution, active: ActiveStage) -> None:
    """Stop a stage run: its units receive the command with their heartbeats, and are killed if late."""
    stage_run = active.stage_run
    if stage_run.status in ENDED:
        return
    if stage_run.status == RunStatus.PENDING:
        lifecycle.move_stage(stage_run, [RunStatus.PENDING], RunStatus.SKIPPED, stopping=True)
        return
    if _goes_on(execution, active):
        return
    recordings.close_unstarted(stage_run)
    if recordings.close_finished(active):
        return
    completed = _count_completed(fleet.count_outcomes(stage_run))
    # A stage that had completed before the stop stays completed.
    complete = completed == active.stage.agents and stage_run.status == RunStatus.FINALIZING
    to = RunStatus.COMPLETED if complete else RunStatus.STOPPED
    if lifecycle.move_stage(stage_run, [*PLAYING, RunStatus.FINALIZING], to, stopping=True):
        remove(active)
