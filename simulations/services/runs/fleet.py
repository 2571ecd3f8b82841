"""Supervision of the units of a stage run: hung and overdue units are killed, lost agents are recorded."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agent.protocol import Snapshot
from simulations.backends.base import UnitState, UnitStatus
from simulations.choices import AGENT_ENDED, AgentStatus, EventKind, FailureCode
from simulations.exceptions import RedisUnreachableError
from simulations.failures import failure
from simulations.live import heartbeats, logs, silence, snapshots
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.events import record_event
from simulations.services.runs import link_changes
from simulations.services.runs.active_stage import ActiveStage
from simulations.services.runs.hearing import hearing
from simulations.services.runs.reports import END_FIELDS, FIGURES, MAX_LAST_LOG, copy_figures

OVERTIME = timedelta(seconds=30)
"""Time that an agent may continue after its execution time before it is killed."""
_MAY_REPORT = frozenset({UnitState.ALIVE, UnitState.ABSENT})


def observe_units(active: ActiveStage, *, retry: bool, stopping: bool = False) -> list[UnitStatus]:
    """Observe all units; kill the hung ones, and end the agents of those that have ended."""
    stage_run = active.stage_run
    started_at = timezone.now()
    units = active.backend.observe(active.job, retry=retry)
    silent = _silent_units(stage_run, {unit.unit for unit in units if unit.state in _MAY_REPORT})
    units = [_resolve_absent(unit, silent, launched=bool(stage_run.handle)) for unit in units]
    _kill_hung(active, units, silent, started_at)
    for unit in units:
        if unit.restarted:
            _end_attempts(stage_run, unit.unit, _failure_code(unit), created_before=started_at)
    ended = [unit for unit in units if unit.state in {UnitState.ENDED, UnitState.FAILED}]
    if ended:
        _end_agents(active, ended, stopping=stopping)
    return units


def _resolve_absent(unit: UnitStatus, silent: Collection[int], *, launched: bool) -> UnitStatus:
    """A launched unit that the backend does not know is alive as long as it reports."""
    if unit.state is not UnitState.ABSENT or not launched:
        return unit
    return replace(unit, state=UnitState.FAILED if unit.unit in silent else UnitState.ALIVE)


def _kill_hung(
    active: ActiveStage, units: list[UnitStatus], silent: dict[int, bool], started_at: datetime
) -> None:
    hung = {unit.unit for unit in units if unit.unit in silent and unit.state is UnitState.ALIVE}
    for unit in hung:
        # An attempt that has registered since then is not the silent one.
        ended = _end_attempts(
            active.stage_run, unit, FailureCode.AGENT_HUNG, created_before=started_at
        )
        if ended or not silent[unit]:
            active.backend.kill(active.job, [unit])


def _failure_code(unit: UnitStatus) -> FailureCode:
    if unit.failure and unit.failure in FailureCode.values:
        return FailureCode(unit.failure)
    return FailureCode.AGENT_LOST


def kill_overdue(active: ActiveStage) -> None:
    """Kill units whose agents still play long after the execution time of their stage."""
    stage_run, limit = active.stage_run, timedelta(seconds=active.stage.execution_time)
    if not limit or stage_run.release_at is None:
        return
    # An agent that could not report yet that it has ended seems to play.
    if hearing().seconds_since(stage_run.release_at + limit) <= OVERTIME.total_seconds():
        return
    # The execution time of an agent that joined late starts when it joined.
    playing = AgentRun.objects.filter(
        stage_run=stage_run,
        status=AgentStatus.RUNNING,
        created_at__lt=timezone.now() - limit - OVERTIME,
    )
    units = set(playing.values_list("unit", flat=True))
    if units:
        for unit in units:
            _end_attempts(stage_run, unit, FailureCode.DEADLINE_EXCEEDED)
        active.backend.kill(active.job, units)


def kill_unless_uploading(active: ActiveStage) -> None:
    """Kill the units of a stage run but for those that upload, which give up by themselves."""
    rows = active.stage_run.agent_runs.filter(status=AgentStatus.UPLOADING)
    uploading = set(rows.values_list("unit", flat=True))
    active.backend.kill(active.job, set(range(active.stage_run.units)) - uploading)


def give_up(active: ActiveStage, code: FailureCode) -> None:
    """Kill all units of a stage run, and end their agents with a failure code."""
    units = range(active.stage_run.units)
    active.backend.kill(active.job, units)
    _end_agents(active, [UnitStatus(unit, UnitState.FAILED, failure=code) for unit in units])


def lost_messages(stage_run: StageRun) -> dict[str, Any]:
    """Values of the failure of a stage whose agents lost too many messages."""
    rows = stage_run.agent_runs.filter(failure_code=FailureCode.TRANSPORT_LOST)
    newest = rows.newest("messages_undelivered", "outages")
    return link_changes.failure_values((lost, outages) for lost, outages in newest.values())


def unheard_topics(stage_run: StageRun) -> dict[str, Any]:
    """Values of the failure of a stage to whose agents nobody listened: its topics, over all units."""
    rows = stage_run.agent_runs.filter(failure_code=FailureCode.NOBODY_LISTENS)
    by_unit = dict(rows.newest("unit", "failure_values").values())
    topics: dict[str, dict[str, Any]] = {}
    for values in by_unit.values():
        for row in (values or {}).get("unheard", ()):
            topic = topics.setdefault(row["topic"], {**row, "agents": 0})
            topic["agents"] += row["agents"]
    return {"unheard": list(topics.values())}


def count_outcomes(stage_run: StageRun) -> Counter[tuple[str, str]]:
    """Number of agents by status and failure code, in their newest attempt."""
    return Counter(stage_run.agent_runs.newest("status", "failure_code").values())


def _silent_units(stage_run: StageRun, units: Collection[int]) -> dict[int, bool]:
    """Those of the units that have not reported for too long; empty while none can be heard.

    Returns:
        For each silent unit whether it has registered.
    """
    if not units:
        return {}
    heard = hearing()
    try:
        last = heartbeats.last_times(stage_run.execution_id, stage_run.pk)
    except RedisUnreachableError:
        return {}
    registered = _registration_times(stage_run)
    # A gap that went unnoticed is not the fault of the unit.
    limit = settings.HUNG_AFTER_SECONDS + silence.GAP_SECONDS
    # A unit that has not registered yet is starting, and has the time of a straggler.
    starting = max(limit, settings.STRAGGLER_LIMIT_SECONDS)
    silent = {}
    for unit in units:
        registered_at = registered.get(unit)
        times = (stage_run.prepared_at, last.get(unit), registered_at)
        if heard.seconds_since(*times) > (limit if registered_at else starting):
            silent[unit] = registered_at is not None
    return silent


def _registration_times(stage_run: StageRun) -> dict[int, datetime]:
    """Registration time of each unit's newest attempt."""
    rows = stage_run.agent_runs.unfinished().order_by("created_at")
    return dict(rows.values_list("unit", "created_at"))


def _end_attempts(
    stage_run: StageRun, unit: int, code: FailureCode, *, created_before: datetime | None = None
) -> bool:
    """End the open attempts of a unit as lost, with the figures of the last snapshot.

    Returns:
        Whether there were any.
    """
    open_rows = stage_run.agent_runs.unfinished().filter(unit=unit)
    if created_before is not None:
        open_rows = open_rows.filter(created_at__lt=created_before)
    rows = list(open_rows)
    if not rows:
        return False
    snapshot = snapshots.newest(stage_run.execution_id, stage_run.pk, unit)
    log = logs.tail(stage_run.execution_id, stage_run.pk, unit)[-MAX_LAST_LOG:]
    for row in rows:
        if snapshot is not None and snapshot.attempt == row.attempt:
            _copy_last_figures(row, snapshot)
        row.status, row.last_log, row.ended_at = AgentStatus.LOST, log, timezone.now()
        for name, value in failure(code).items():
            setattr(row, name, value)
    with transaction.atomic():
        # Filtered again: a final report may have arrived meanwhile.
        if not open_rows.bulk_update(rows, [*FIGURES, *END_FIELDS]):
            return False
        payload = {"position": stage_run.position, "unit": unit, "code": code}
        record_event(stage_run.execution_id, EventKind.UNIT_LOST, payload=payload)
    return True


def _copy_last_figures(row: AgentRun, snapshot: Snapshot) -> None:
    for agent in snapshot.agents:
        if agent.number == row.number:
            copy_figures(row, agent, snapshot)


def _end_agents(active: ActiveStage, units: list[UnitStatus], *, stopping: bool = False) -> None:
    """End the agents of ended units; agents that never registered get a row."""
    stage_run = active.stage_run
    rows = list(stage_run.agent_runs.order_by().values_list("unit", "status").distinct())
    registered = {unit for unit, _status in rows}
    open_units = {unit for unit, status in rows if status not in AGENT_ENDED}
    for unit in units:
        if unit.unit in open_units:
            _end_attempts(stage_run, unit.unit, _failure_code(unit))
        elif unit.unit not in registered:
            # A unit that a stop kept from registering was refused, and is not lost.
            _create_unregistered(active, unit, stopped=stopping)


def _create_unregistered(active: ActiveStage, unit: UnitStatus, *, stopped: bool) -> None:
    stage_run, code = active.stage_run, "" if stopped else _failure_code(unit)
    fields = _stop_cause(stage_run.execution) if stopped else failure(code)
    now = timezone.now()
    AgentRun.objects.bulk_create(
        [
            AgentRun(
                stage_run=stage_run,
                number=slot.number,
                unit=unit.unit,
                status=AgentStatus.STOPPED if stopped else AgentStatus.LOST,
                **fields,
                created_at=now,
                ended_at=now,
            )
            for slot in active.plan.slots(active.stage, unit.unit)
        ],
        ignore_conflicts=True,
    )
    payload = {"stage": stage_run.position, "unit": unit.unit, "failure_code": code}
    record_event(stage_run.execution_id, EventKind.UNIT_NEVER_REGISTERED, payload=payload)


def _stop_cause(execution: Execution) -> dict[str, Any]:
    """Failure fields of an agent that nothing failed: the words of what stopped its execution."""
    return failure("", cause=execution.failure_code, **(execution.failure_values or {}))
