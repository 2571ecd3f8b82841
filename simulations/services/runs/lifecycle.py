"""The only writer of status: starts, stops, and every step of executions and stage runs.

A step is a compare-and-set: it names the states it may leave, and counts what it changed. Two
controllers, or a controller and a user, may try at once; one of them succeeds and writes the event.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from simulations.choices import ENDED, STOPPABLE, EventKind, FailureCode, RunStatus
from simulations.exceptions import (
    AlreadyRunningError,
    NotRunningError,
    NotStartableError,
    SimulationNotFoundError,
)
from simulations.failures import failure
from simulations.models import Execution, Simulation, StageRun
from simulations.services.events import record_event
from simulations.services.plan import Plan, freeze, frozen, plan_of, still_there
from simulations.services.progress.progress import final_outcome


def start(simulation: Simulation, *, requested_by: Any = None) -> Execution:
    """Write down that a simulation is to run now; the controller does it.

    Raises:
        NotStartableError: it cannot run; `errors` names each reason.
        AlreadyRunningError: it runs already, and may not twice at once.
        SimulationNotFoundError: it was removed for good just now.
    """
    simulation = _fresh(simulation.pk)
    return _begin(simulation, freeze(simulation), requested_by)


def _fresh(pk: int) -> Simulation:
    found = Simulation.objects.select_related("mec").filter(pk=pk).first()
    if found is None:
        raise SimulationNotFoundError(_("The simulation was removed for good."))
    return found


def start_again(execution: Execution, *, requested_by: Any = None) -> Execution:
    """Run the frozen plan of an execution once more, exactly; for the design of today there is `start`.

    Raises:
        NotStartableError: what the plan pins is gone or has changed; `errors` names each reason.
        AlreadyRunningError: the simulation runs, and may not twice at once.
    """
    return _begin(execution.simulation, still_there(plan_of(execution)), requested_by, execution)


def _begin(
    simulation: Simulation, plan: Plan, requested_by: Any, again_of: Execution | None = None
) -> Execution:
    try:
        with transaction.atomic():
            return _write(simulation, plan, requested_by, again_of)
    except IntegrityError as error:
        sentence = _("The simulation is running: wait for its end or stop it.")
        raise AlreadyRunningError(sentence) from error


def _write(
    simulation: Simulation, plan: Plan, requested_by: Any, again_of: Execution | None
) -> Execution:
    rows = Simulation.objects.living().filter(pk=simulation.pk)
    if not rows.update(executions_made=F("executions_made") + 1):
        raise NotStartableError(_("The simulation was deleted: restore it first."))
    execution = Execution.objects.create(
        simulation=simulation,
        number=rows.values_list("executions_made", flat=True).get(),
        plan=frozen(plan),
        exclusive=not simulation.concurrent_executions,
        requested_by=requested_by,
        again_of=again_of,
    )
    StageRun.objects.bulk_create(
        StageRun(execution=execution, position=stage.position, units=plan.units(stage))
        for stage in plan.stages
    )
    rows.update(latest_execution=execution)
    record_event(execution.pk, EventKind.EXECUTION_REQUESTED, actor=requested_by)
    return execution


def stop(execution: Execution, *, stopped_by: Any = None) -> Execution:
    """Ask an execution to stop; agents hear of it within a heartbeat. What was recorded is kept.

    Raises:
        NotRunningError: it has ended, or is stopping or finalizing already.
    """
    changed = move_execution(
        execution,
        STOPPABLE,
        RunStatus.STOPPING,
        actor=stopped_by,
        stopped_by=stopped_by,
        stop_asked_at=timezone.now(),
        **failure(FailureCode.STOPPED_BY_USER),
    )
    if not changed:
        execution.refresh_from_db()
        words = {"status": execution.get_status_display()}
        raise NotRunningError(_("There is nothing to stop: the execution is %(status)s.") % words)
    return execution


def move_execution(
    execution: Execution,
    leaving: Iterable[str],
    to: RunStatus,
    *,
    actor: Any = None,
    **fields: Any,
) -> bool:
    """Move an execution if it is in one of the states `leaving`; the answer is whether it was."""
    now = timezone.now()
    if to in ENDED:
        fields.setdefault("ended_at", now)
        fields["outcome"] = final_outcome(execution, to, fields)
    with transaction.atomic():
        rows = Execution.objects.filter(pk=execution.pk, status__in=list(leaving))
        if not rows.update(status=to, updated_at=now, **fields):
            return False
        payload = {"status": to, "failure_code": fields.get("failure_code", "")}
        record_event(execution.pk, EventKind.EXECUTION_STATUS, actor=actor, payload=payload)
    execution.refresh_from_db()
    return True


def release(execution: Execution, stage_runs: Iterable[StageRun], at: datetime) -> bool:
    """Give one start to these stage runs; all of them get it, or none and the answer is False.

    None when another controller was quicker, or somebody stopped the execution: of two instants
    one must win for all stages, as their agents start together.
    """
    try:
        with transaction.atomic():
            for stage_run in stage_runs:
                _require(
                    move_stage(stage_run, [RunStatus.PREPARING], RunStatus.RUNNING, release_at=at)
                )
            _require(_let_run(execution, at))
    except _OvertakenError:
        return False
    return True


class _OvertakenError(Exception):
    """Somebody else has taken the step, or a stop came: what was written of it is undone."""


def _require(done: bool) -> None:  # noqa: FBT001
    if not done:
        raise _OvertakenError


def _let_run(execution: Execution, at: datetime) -> bool:
    """Move the execution to RUNNING, or see that it is there still."""
    if move_execution(execution, [RunStatus.PREPARING], RunStatus.RUNNING, started_at=at):
        return True
    running = Execution.objects.filter(pk=execution.pk, status=RunStatus.RUNNING)
    return running.update(updated_at=timezone.now()) == 1


def move_stage(
    stage_run: StageRun,
    leaving: Iterable[str],
    to: RunStatus,
    *,
    stopping: bool = False,
    **fields: Any,
) -> bool:
    """Move a stage run if it is in one of the states `leaving`; the answer is whether it was.

    Once its execution is stopping, only a caller that says `stopping` may move it.
    """
    if to in ENDED:
        fields.setdefault("ended_at", timezone.now())
    with transaction.atomic():
        rows = StageRun.objects.filter(pk=stage_run.pk, status__in=list(leaving))
        if not stopping:
            rows = rows.exclude(execution__status=RunStatus.STOPPING)
        if not rows.update(status=to, **fields):
            return False
        payload = {"position": stage_run.position, "status": to}
        payload["failure_code"] = fields.get("failure_code", "")
        record_event(stage_run.execution_id, EventKind.STAGE_STATUS, payload=payload)
    stage_run.refresh_from_db()
    return True
