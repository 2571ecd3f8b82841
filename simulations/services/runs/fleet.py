"""What becomes of the units of a stage run: who is alive, who is hung, who is lost."""

from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus

import urllib3
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agent.protocol import Snapshot
from simulations.backends.base import UnitSeen, UnitState
from simulations.choices import AGENT_ENDED, AgentStatus, EventKind, FailureCode
from simulations.exceptions import LiveAwayError
from simulations.failures import failure
from simulations.live import heartbeats, logs, silence, snapshots
from simulations.models import AgentRun, StageRun
from simulations.services.events import record_event
from simulations.services.runs.active_stage import ActiveStage
from simulations.services.runs.units import FIGURES, LAST_LOG, fill

OVERTIME = timedelta(seconds=30)
"""How long an agent may go on past its execution time before it is killed."""


def look(active: ActiveStage, *, retry: bool, stopping: bool = False) -> list[UnitSeen]:
    """See every unit; kill the hung ones, and write down the agents of those that are gone."""
    stage_run = active.stage_run
    since = timezone.now()
    seen = active.backend.observe(active.job, retry=retry)
    silent = _silent(stage_run, {u.unit for u in seen if u.state in _MAY_SPEAK})
    if silent and not _server_hears():
        # Not the units are silent, they are unheard: they get their time again from here on.
        with suppress(LiveAwayError):
            silence.reset()
        silent = {}
    seen = [_judged(unit, silent, launched=bool(stage_run.handle)) for unit in seen]
    hung = {u.unit for u in seen if u.unit in silent and u.state is UnitState.ALIVE}
    for unit in hung:
        # One that has registered anew meanwhile is not the one that was silent.
        if _end(stage_run, unit, FailureCode.AGENT_HUNG, before=since) or not silent[unit]:
            active.backend.kill(active.job, [unit])
    for unit_seen in seen:
        if unit_seen.restarted:
            _end(stage_run, unit_seen.unit, _code_of(unit_seen), before=since)
    gone = [u for u in seen if u.state in {UnitState.ENDED, UnitState.FAILED}]
    if gone:
        _write_off(active, gone, stopping=stopping)
    return seen


_MAY_SPEAK = frozenset({UnitState.ALIVE, UnitState.ABSENT})


def _judged(unit: UnitSeen, silent: Collection[int], *, launched: bool) -> UnitSeen:
    """A unit that was launched and of which the backend knows nothing lives as long as it speaks."""
    if unit.state is not UnitState.ABSENT or not launched:
        return unit
    state = UnitState.FAILED if unit.unit in silent else UnitState.ALIVE
    return replace(unit, state=state)


def _code_of(unit: UnitSeen) -> FailureCode:
    known = unit.failure and unit.failure in FailureCode.values
    return FailureCode(unit.failure) if known else FailureCode.AGENT_LOST


def kill_overdue(active: ActiveStage) -> None:
    """Kill units whose agents still play long after the execution time of their stage."""
    stage_run, limit = active.stage_run, active.stage.execution_time
    if not limit or stage_run.release_at is None:
        return
    # One that joined late has its time from where it joined.
    playing = AgentRun.objects.filter(
        stage_run=stage_run,
        status=AgentStatus.RUNNING,
        created_at__lt=timezone.now() - timedelta(seconds=limit) - OVERTIME,
    )
    units = set(playing.values_list("unit", flat=True))
    if units and timezone.now() > stage_run.release_at + timedelta(seconds=limit) + OVERTIME:
        for unit in units:
            _end(stage_run, unit, FailureCode.DEADLINE_EXCEEDED)
        active.backend.kill(active.job, units)


def kill_all(active: ActiveStage) -> None:
    """Leave no unit of a stage run."""
    active.backend.kill(active.job, range(active.stage_run.units))


def give_up(active: ActiveStage, code: FailureCode) -> None:
    """Leave no unit of a stage run, and none of its agents open."""
    kill_all(active)
    units = range(active.stage_run.units)
    gone = [UnitSeen(unit, UnitState.FAILED, failure=code) for unit in units]
    _write_off(active, gone)


def outcome(stage_run: StageRun) -> Counter[tuple[str, str]]:
    """How many agents ended how, by status and failure code, in their newest attempt."""
    return Counter(stage_run.agent_runs.newest("status", "failure_code").values())


def _silent(stage_run: StageRun, asked: Collection[int]) -> dict[int, bool]:
    """Which of these units have said nothing for too long, and whether they had registered.

    Nobody without Redis: there it is not known.
    """
    if not asked:
        return {}
    try:
        since = silence.counted_since()
        last = heartbeats.last_times(stage_run.execution_id, stage_run.pk)
    except LiveAwayError:
        return {}
    if stage_run.prepared_at is not None:
        since = max(since, stage_run.prepared_at.timestamp())
    registered = _registered(stage_run)
    limit = timezone.now().timestamp() - settings.HUNG_AFTER_SECONDS
    starting = max(0.0, settings.STRAGGLER_LIMIT_SECONDS - settings.HUNG_AFTER_SECONDS)
    silent = {}
    for unit in asked:
        begun = registered.get(unit, 0.0)
        quiet_since = max(since, last.get(unit, 0.0), begun)
        # A unit that has not registered yet is only starting: it has the time of a straggler.
        if quiet_since + (0.0 if begun else starting) < limit:
            silent[unit] = bool(begun)
    return silent


def _server_hears() -> bool:
    """Whether the server answers, and has Redis to keep what units say."""
    try:
        answer = urllib3.request(
            "GET", f"{settings.SERVER_URL}/health/redis", timeout=4, retries=False, redirect=False
        )
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _registered(stage_run: StageRun) -> dict[int, float]:
    """When the newest attempt of each unit registered."""
    rows = stage_run.agent_runs.unfinished().order_by("created_at")
    return {unit: at.timestamp() for unit, at in rows.values_list("unit", "created_at")}


def _end(
    stage_run: StageRun, unit: int, code: FailureCode, *, before: datetime | None = None
) -> bool:
    """End the open attempts of a unit (that began before an instant) for this reason.

    The figures are those of its last snapshot. The answer is whether there were any.
    """
    rows = stage_run.agent_runs.unfinished().filter(unit=unit)
    if before is not None:
        rows = rows.filter(created_at__lt=before)
    found = list(rows)
    if not found:
        return False
    said = snapshots.newest(stage_run.execution_id, stage_run.pk, unit)
    log = logs.tail(stage_run.execution_id, stage_run.pk, unit)[-LAST_LOG:]
    for row in found:
        if said is not None and said.attempt == row.attempt:
            _fill_last(row, said)
        row.status, row.last_log, row.ended_at = AgentStatus.LOST, log, timezone.now()
        for name, value in failure(code).items():
            setattr(row, name, value)
    with transaction.atomic():
        # `rows` asks again whether they are open: a last word may have come meanwhile.
        if not rows.bulk_update(found, [*FIGURES, *_LAST]):
            return False
        payload = {"position": stage_run.position, "unit": unit, "code": code}
        record_event(stage_run.execution_id, EventKind.UNIT_LOST, payload=payload)
    return True


_LAST = ["status", "failure_code", "failure_values", "failure_text", "last_log", "ended_at"]


def _fill_last(row: AgentRun, said: Snapshot) -> None:
    for seen in said.agents:
        if seen.number == row.number:
            fill(row, seen, said)


def _write_off(active: ActiveStage, gone: list[UnitSeen], *, stopping: bool = False) -> None:
    """No agent stays open whose unit is gone: also those that never registered get a row."""
    stage_run = active.stage_run
    rows = list(stage_run.agent_runs.order_by().values_list("unit", "status").distinct())
    known = {unit for unit, _status in rows}
    still_open = {unit for unit, status in rows if status not in AGENT_ENDED}
    for unit in gone:
        if unit.unit in still_open:
            _end(stage_run, unit.unit, _code_of(unit))
        elif unit.unit not in known:
            # A stop may come before a unit has registered: it is refused then, and not lost.
            code = FailureCode.STOPPED_BY_USER if stopping else _code_of(unit)
            _never_came(active, unit.unit, code)


def _never_came(active: ActiveStage, unit: int, code: FailureCode) -> None:
    stage_run = active.stage_run
    stopped = code is FailureCode.STOPPED_BY_USER
    AgentRun.objects.bulk_create(
        [
            AgentRun(
                stage_run=stage_run,
                number=slot.number,
                unit=unit,
                status=AgentStatus.STOPPED if stopped else AgentStatus.LOST,
                **(failure("", said=code) if stopped else failure(code)),
                ended_at=timezone.now(),
            )
            for slot in active.plan.slots(active.stage, unit)
        ],
        ignore_conflicts=True,
    )
    payload = {"stage": stage_run.position, "unit": unit, "failure_code": "" if stopped else code}
    record_event(stage_run.execution_id, EventKind.UNIT_NEVER_REGISTERED, payload=payload)
