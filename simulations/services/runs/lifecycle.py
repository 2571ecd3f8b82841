"""The only writer of status: starts, stops, and every step of executions and stage runs.

A step is a compare-and-set: it names the statuses it may start from, and counts the changed rows. If two
controllers, or a controller and a user, try at once, one of them succeeds and writes the event.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Min
from django.utils import timezone
from django.utils.translation import gettext as _

from common.db.violations import refusing_duplicates
from simulations.choices import (
    ENDED,
    PLAYING,
    STOPPABLE,
    EventKind,
    FailureCode,
    RunStatus,
    Stopper,
)
from simulations.exceptions import (
    AlreadyRunningError,
    NotRunningError,
    NotStartableError,
    SimulationNotFoundError,
)
from simulations.failures import failure
from simulations.models import AgentRun, Execution, Simulation, StageRun
from simulations.services.events import record_event
from simulations.services.plan import Plan, plan_of, serialize
from simulations.services.plan_backend import repeated
from simulations.services.planning import freeze, left_out_warnings
from simulations.services.progress.progress import final_outcome
from simulations.services.runs import audit
from simulations.services.start_checks import check_again
from storage.models import Rosbag
from storage.querysets import RosbagQuerySet
from templates.models import Template
from templates.querysets import TemplateQuerySet


def start(simulation: Simulation, *, requested_by: Any = None) -> Execution:
    """Request an execution of a simulation; the controller runs it.

    Raises:
        NotStartableError: It cannot run; `errors` names each reason.
        AlreadyRunningError: It is running, and does not allow concurrent executions.
        SimulationNotFoundError: It was removed permanently just now.
    """
    simulation = _reload(simulation.pk)
    templates = Template.objects.filter(pk__in=simulation.stages.values("template"))
    with _refusing_second():
        _lock(templates, Rosbag.objects.filter(pk__in=templates.values("rosbag")))
        return _create(simulation, freeze(simulation), requested_by)


def _reload(pk: int) -> Simulation:
    simulation = Simulation.objects.select_related("mec").filter(pk=pk).first()
    if simulation is None:
        raise SimulationNotFoundError(_("The simulation was deleted permanently."))
    return simulation


def start_again(execution: Execution, *, requested_by: Any = None) -> Execution:
    """Request another execution of a frozen plan; `start` uses the current design instead.

    It runs on the backend of now: if the plan is of another one, image, placement and resources are too.

    Raises:
        NotStartableError: Something in the plan is missing or has changed; `errors` names each reason.
        AlreadyRunningError: The simulation is running, and does not allow concurrent executions.
    """
    plan = plan_of(execution)
    templates = Template.objects.filter(pk__in={stage.template for stage in plan.stages})
    rosbags = Rosbag.objects.filter(pk__in={stage.rosbag for stage in plan.stages})
    with _refusing_second():
        _lock(templates, rosbags)
        check_again(plan)
        return _create(execution.simulation, repeated(plan), requested_by, execution)


def _refusing_second() -> AbstractContextManager[None]:
    message = _("The simulation is running: wait for its end or stop it.")
    return refusing_duplicates(
        Execution, "simulations_execution_one_active", lambda: AlreadyRunningError(message)
    )


def _lock(templates: TemplateQuerySet, rosbags: RosbagQuerySet) -> None:
    """Lock what a plan will use: a deletion waits and sees the execution, or the start sees it."""
    templates.lock()
    rosbags.lock()


def _create(
    simulation: Simulation, plan: Plan, requested_by: Any, again_of: Execution | None = None
) -> Execution:
    rows = Simulation.objects.living().filter(pk=simulation.pk)
    if not rows.update(executions_made=F("executions_made") + 1):
        raise NotStartableError(_("The simulation was deleted: restore it first."))
    execution = Execution.objects.create(
        simulation=simulation,
        number=rows.values_list("executions_made", flat=True).get(),
        plan=serialize(plan),
        exclusive=not simulation.concurrent_executions,
        requested_by=requested_by,
        again_of=again_of,
        warnings=left_out_warnings(plan.link.transport, plan.stages) or None,
    )
    StageRun.objects.bulk_create(
        StageRun(execution=execution, position=stage.position, units=plan.units(stage))
        for stage in plan.stages
    )
    rows.update(latest_execution=execution)
    record_event(execution.pk, EventKind.EXECUTION_REQUESTED, actor=requested_by)
    audit.record_start(execution, requested_by)
    for warning in execution.warnings or ():
        payload = {"position": warning["stage"], **warning["values"]}
        record_event(execution.pk, EventKind.TOPICS_LEFT_OUT, payload=payload)
    return execution


def stop(execution: Execution, *, stopped_by: Any = Stopper.PROGRAM) -> Execution:
    """Request the end of an execution; agents receive it with a heartbeat. Recordings are kept.

    Args:
        execution: The execution.
        stopped_by: A user, or the `Stopper` where it is no user.

    Raises:
        NotRunningError: It has ended, or is stopping or finalizing already.
    """
    user = None if isinstance(stopped_by, Stopper) else stopped_by
    code = FailureCode.STOPPED_BY_SYSTEM if user is None else FailureCode.STOPPED_BY_USER
    with transaction.atomic():
        changed = move_execution(
            execution,
            STOPPABLE,
            RunStatus.STOPPING,
            actor=user,
            stopped_by=user,
            stop_asked_at=timezone.now(),
            **failure(code, stopped_by=str(stopped_by)),
        )
        if changed:
            audit.record_stop(execution, stopped_by)
    if not changed:
        execution.refresh_from_db()
        values = {"status": execution.get_status_display()}
        raise NotRunningError(_("There is nothing to stop: the execution is %(status)s.") % values)
    return execution


def move_execution(
    execution: Execution,
    from_statuses: Iterable[str],
    to: RunStatus,
    *,
    actor: Any = None,
    **fields: Any,
) -> bool:
    """Move an execution to a status, if its status is one of `from_statuses`.

    Returns:
        Whether it was moved.
    """
    now = timezone.now()
    if to in ENDED:
        fields.setdefault("ended_at", now)
        # Stage runs have ended before: those that never began have no release any more.
        fields["started_at"] = execution.stage_runs.aggregate(at=Min("release_at"))["at"]
        fields["outcome"] = final_outcome(execution, to, fields)
    with transaction.atomic():
        rows = Execution.objects.filter(pk=execution.pk, status__in=list(from_statuses))
        if not rows.update(status=to, updated_at=now, **fields):
            return False
        payload = {"status": to, "failure_code": fields.get("failure_code", "")}
        if to == RunStatus.STOPPING:
            payload["stopped_by"] = fields["failure_values"]["stopped_by"]
        if warnings := fields.get("warnings"):
            payload["warnings"] = [warning["code"] for warning in warnings]
        record_event(execution.pk, EventKind.EXECUTION_STATUS, actor=actor, payload=payload)
    execution.refresh_from_db()
    return True


def release(execution: Execution, stage_runs: Iterable[StageRun], at: datetime) -> bool:
    """Set a common start time of these stage runs, for all of them or for none.

    None, if another controller was faster or a user has stopped the execution: as their agents start
    together, all stages must get the time of the same controller.

    Returns:
        Whether it was set.
    """
    try:
        with transaction.atomic():
            for stage_run in stage_runs:
                _require(
                    move_stage(stage_run, [RunStatus.PREPARING], RunStatus.RUNNING, release_at=at)
                )
            _require(_set_running(execution))
    except _OvertakenError:
        return False
    return True


class _OvertakenError(Exception):
    """Another controller has taken the step, or the execution is stopping: the step is rolled back."""


def _require(moved: bool) -> None:  # noqa: FBT001
    if not moved:
        raise _OvertakenError


def _set_running(execution: Execution) -> bool:
    """Move the execution to RUNNING, or check that it still is."""
    if move_execution(execution, [RunStatus.PREPARING], RunStatus.RUNNING):
        return True
    running = Execution.objects.filter(pk=execution.pk, status=RunStatus.RUNNING)
    return running.update(updated_at=timezone.now()) == 1


def record_start(execution: Execution) -> None:
    """Write the start of an execution once an agent has begun: the release of that agent."""
    now = timezone.now()
    if execution.started_at is not None:
        return
    playing = AgentRun.objects.begun().filter(
        stage_run__execution=execution, stage_run__release_at__lte=now
    )
    start = playing.aggregate(at=Min("stage_run__release_at"))["at"]
    if start is not None:
        rows = Execution.objects.filter(pk=execution.pk)
        rows.update(started_at=start, updated_at=now)
        execution.started_at = start


def move_stage(
    stage_run: StageRun,
    from_statuses: Iterable[str],
    to: RunStatus,
    *,
    stopping: bool = False,
    **fields: Any,
) -> bool:
    """Move a stage run to a status, if its status is one of `from_statuses`.

    While its execution is stopping, it is only moved with `stopping`. One that ends and never began
    loses its release, which did not come to be; once it does not play any more none of its units waits.

    Returns:
        Whether it was moved.
    """
    if to in ENDED:
        fields.setdefault("ended_at", timezone.now())
        if not stage_run.agent_runs.begun().exists():
            fields["release_at"] = None
    if to not in PLAYING:
        fields["waiting"] = None
    with transaction.atomic():
        rows = StageRun.objects.filter(pk=stage_run.pk, status__in=list(from_statuses))
        if not stopping:
            rows = rows.exclude(execution__status=RunStatus.STOPPING)
        if not rows.update(status=to, **fields):
            return False
        payload = {"position": stage_run.position, "status": to}
        payload["failure_code"] = fields.get("failure_code", "")
        record_event(stage_run.execution_id, EventKind.STAGE_STATUS, payload=payload)
    stage_run.refresh_from_db()
    return True
