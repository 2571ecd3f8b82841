"""Ends of attempts that their units did not report: lost, given up, or never begun."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from agent.protocol import Snapshot
from common.db.text import storable
from simulations.backends.base import UnitState, UnitStatus
from simulations.choices import AGENT_ENDED, AgentStatus, EventKind, FailureCode
from simulations.exceptions import BackendError
from simulations.failures import failure
from simulations.live import logs, snapshots
from simulations.models import AgentRun, Execution, StageRun
from simulations.querysets import AgentRunQuerySet
from simulations.services.events import record_event
from simulations.services.runs.active_stage import ActiveStage
from simulations.services.runs.reports import END_FIELDS, FIGURES, MAX_LAST_LOG, copy_figures

MAX_LOGS = 20
"""Units whose output is fetched from the backend at once; more of them say nothing new."""
_VAGUE = frozenset({FailureCode.AGENT_CRASHED, FailureCode.AGENT_LOST, FailureCode.TERMINATED})
"""Codes that say no more than TERMINATED, which the unit has reported itself."""


def end_units(
    active: ActiveStage,
    units: Iterable[UnitStatus],
    *,
    stopping: bool = False,
    created_before: datetime | None = None,
) -> None:
    """End the open attempts of units that are gone; agents that never registered get a row."""
    stage_run, fetched = active.stage_run, 0
    rows = list(stage_run.agent_runs.order_by().values_list("unit", "status").distinct())
    registered = {unit for unit, _status in rows}
    open_units = {unit for unit, status in rows if status not in AGENT_ENDED}
    for unit in units:
        if unit.unit in open_units:
            end_attempts(stage_run, unit, created_before=created_before)
        elif unit.unit not in registered:
            # A unit that a stop kept from registering was refused, and is not lost.
            has_run = unit.state is not UnitState.PENDING and fetched < MAX_LOGS
            _create_unregistered(active, unit, stopped=stopping, log=has_run)
            fetched += has_run


def end_processes(stage_run: StageRun, units: Iterable[UnitStatus]) -> None:
    """End the attempts of processes that failed, also where others have taken their place."""
    failed = {name: _status_of(unit, name) for unit in units for name in unit.ended}
    if not failed:
        return
    open_or_vague = ~Q(status__in=AGENT_ENDED) | Q(failure_code=FailureCode.TERMINATED)
    rows = stage_run.agent_runs.filter(open_or_vague, process__in=failed).order_by()
    for name, code in rows.values_list("process", "failure_code").distinct():
        if code == FailureCode.TERMINATED:
            _explain_termination(stage_run, failed[name], name)
        else:
            end_attempts(stage_run, failed[name], process=name)


def _status_of(unit: UnitStatus, process: str) -> UnitStatus:
    """The status of a unit as it is about one of its processes that failed."""
    code = unit.ended[process]
    return replace(unit, failure=code, reason=unit.reason if code == unit.failure else "")


def _explain_termination(stage_run: StageRun, unit: UnitStatus, process: str) -> None:
    """Replace the code of a unit that only knew that it was told to end by that of the backend."""
    fields = failure_fields(unit)
    if fields["failure_code"] in _VAGUE:
        return
    rows = stage_run.agent_runs.filter(process=process, failure_code=FailureCode.TERMINATED)
    with transaction.atomic():
        if rows.update(**fields):
            _record_lost(stage_run, unit.unit, fields["failure_code"])


def failure_fields(unit: UnitStatus) -> dict[str, Any]:
    """Failure fields of the agents of a unit, by what its backend says."""
    known = unit.failure and unit.failure in FailureCode.values
    code = FailureCode(unit.failure) if known else FailureCode.AGENT_LOST
    return failure(code, reason=unit.reason) if unit.reason else failure(code)


def end_attempts(
    stage_run: StageRun,
    unit: UnitStatus,
    *,
    created_before: datetime | None = None,
    process: str = "",
) -> None:
    """End the open attempts of a unit as lost, with the figures of the last snapshot.

    Args:
        stage_run: Its stage run.
        unit: Status with the failure.
        created_before: End only attempts that registered before.
        process: End only the attempt of this process.
    """
    open_rows = stage_run.agent_runs.unfinished().filter(unit=unit.unit)
    if created_before is not None:
        open_rows = open_rows.filter(created_at__lt=created_before)
    if process:
        open_rows = open_rows.filter(process=process)
    rows = list(open_rows)
    if rows:
        _end_rows(stage_run, unit, open_rows, rows)


def _end_rows(
    stage_run: StageRun, unit: UnitStatus, open_rows: AgentRunQuerySet, rows: list[AgentRun]
) -> None:
    snapshot = snapshots.newest(stage_run.execution_id, stage_run.pk, unit.unit)
    log = storable(logs.tail(stage_run.execution_id, stage_run.pk, unit.unit))[-MAX_LAST_LOG:]
    fields = failure_fields(unit)
    for row in rows:
        if snapshot is not None and snapshot.attempt == row.attempt:
            _copy_last_figures(row, snapshot)
        row.status, row.last_log, row.ended_at = AgentStatus.LOST, log, timezone.now()
        for name, value in fields.items():
            setattr(row, name, value)
    with transaction.atomic():
        # Filtered again: a final report may have arrived meanwhile.
        if open_rows.write(rows, [*FIGURES, *END_FIELDS]):
            _record_lost(stage_run, unit.unit, fields["failure_code"])


def _copy_last_figures(row: AgentRun, snapshot: Snapshot) -> None:
    for agent in snapshot.agents:
        if agent.number == row.number:
            copy_figures(row, agent, snapshot)


def _record_lost(stage_run: StageRun, unit: int, code: str) -> None:
    payload = {"position": stage_run.position, "unit": unit, "code": code}
    record_event(stage_run.execution_id, EventKind.UNIT_LOST, payload=payload)


def _create_unregistered(
    active: ActiveStage, unit: UnitStatus, *, stopped: bool, log: bool
) -> None:
    stage_run, now = active.stage_run, timezone.now()
    fields = _stop_cause(stage_run.execution) if stopped else failure_fields(unit)
    fields["status"] = AgentStatus.STOPPED if stopped else AgentStatus.LOST
    fields["last_log"] = _last_log(active, unit.unit) if log else ""
    rows = [
        AgentRun(stage_run=stage_run, number=slot.number, unit=unit.unit, **fields)
        for slot in active.plan.slots(active.stage, unit.unit)
    ]
    for row in rows:
        row.created_at = row.ended_at = now
    with transaction.atomic():
        # A registration, or another controller, may have been first.
        StageRun.objects.filter(pk=stage_run.pk).lock()
        if stage_run.agent_runs.filter(unit=unit.unit).exists():
            return
        AgentRun.objects.bulk_create(rows)
        code = fields["failure_code"]
        payload = {"stage": stage_run.position, "unit": unit.unit, "failure_code": code}
        record_event(stage_run.execution_id, EventKind.UNIT_NEVER_REGISTERED, payload=payload)


def _last_log(active: ActiveStage, unit: int) -> str:
    try:
        return storable(active.backend.last_log(active.job, unit))[-MAX_LAST_LOG:]
    except BackendError:
        return ""


def _stop_cause(execution: Execution) -> dict[str, Any]:
    """Failure fields of an agent that nothing failed: the words of what stopped its execution."""
    return failure("", cause=execution.failure_code, **(execution.failure_values or {}))
