"""Supervision of the units of a stage run: silent and overdue units are killed, lost agents recorded."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from simulations.backends.base import UnitState, UnitStatus
from simulations.choices import AgentStatus, FailureCode
from simulations.exceptions import BackendError, RedisUnreachableError
from simulations.live import heartbeats, silence
from simulations.models import AgentRun, StageRun
from simulations.services.runs import attempts, link_changes, waiting_units
from simulations.services.runs.active_stage import OVERTIME_SECONDS, ActiveStage
from simulations.services.runs.hearing import hearing

log = structlog.get_logger(__name__)
GONE = frozenset({UnitState.ENDED, UnitState.FAILED})
_MAY_REPORT = frozenset(UnitState) - GONE


def observe_units(active: ActiveStage, *, retry: bool, stopping: bool = False) -> list[UnitStatus]:
    """Observe all units; kill the silent ones, and end the agents of those that are gone.

    While the backend cannot be used nothing is judged: all units count as alive.
    """
    stage_run = active.stage_run
    started_at = timezone.now()
    try:
        units = active.backend.observe(active.job, retry=retry)
    except BackendError as error:
        waiting_units.record_unavailable(stage_run, error)
        return [UnitStatus(unit, UnitState.ALIVE) for unit in range(stage_run.units)]
    attempts.end_processes(stage_run, units)
    for unit in units:
        if unit.restarted:
            attempts.end_attempts(stage_run, unit, created_before=started_at)
    silent = _silent_units(stage_run, units)
    units = [_resolve_absent(unit, silent, launched=bool(stage_run.handle)) for unit in units]
    gone = _give_up_pending(active, units, silent, stopping=stopping)
    units = [replace(u, state=UnitState.FAILED) if u.unit in gone else u for u in units]
    _kill_hung(active, units, silent, started_at, stopping=stopping)
    waiting_units.record_pending(stage_run, units)
    ended = [unit for unit in units if unit.state in GONE and unit.unit not in gone]
    if ended:
        attempts.end_units(active, ended, stopping=stopping)
    return units


def _resolve_absent(unit: UnitStatus, silent: Collection[int], *, launched: bool) -> UnitStatus:
    """A launched unit that the backend does not know is alive as long as it reports."""
    if unit.state is not UnitState.ABSENT or not launched:
        return unit
    return replace(unit, state=UnitState.FAILED if unit.unit in silent else UnitState.ALIVE)


def _give_up_pending(
    active: ActiveStage, units: list[UnitStatus], silent: Collection[int], *, stopping: bool
) -> set[int]:
    """Kill units that do not run within the limit of stragglers, or before a stop; end their agents.

    Returns:
        Those that are given up; what cannot be killed now is tried again in the next pass.
    """
    late = [
        replace(unit, failure=unit.failure or FailureCode.BACKEND_UNAVAILABLE)
        for unit in units
        if unit.state is UnitState.PENDING and (stopping or unit.unit in silent)
    ]
    begun = {
        unit.unit for unit in late if unit.attempts
    }  # else each pass would ask to kill nothing
    if not late or (begun and not kill(active, begun)):
        return set()
    attempts.end_units(active, late, stopping=stopping)
    return {unit.unit for unit in late}


def _kill_hung(
    active: ActiveStage,
    units: list[UnitStatus],
    silent: Collection[int],
    started_at: datetime,
    *,
    stopping: bool,
) -> None:
    hung = {unit.unit: unit for unit in units if unit.unit in silent}
    hung = {number: unit for number, unit in hung.items() if unit.state is UnitState.ALIVE}
    if not hung:
        return
    lost = _on_lost_machines(active, hung)  # may take seconds
    open_rows = active.stage_run.agent_runs.unfinished().filter(unit__in=hung)
    # An attempt that has registered since then is not the silent one.
    for number in open_rows.filter(created_at__gte=started_at).values_list("unit", flat=True):
        hung.pop(number, None)
    if hung and kill(active, hung):
        failed = [_with_cause(unit, lost.get(unit.unit, "")) for unit in hung.values()]
        attempts.end_units(active, failed, stopping=stopping, created_before=started_at)


def _on_lost_machines(active: ActiveStage, hung: Collection[int]) -> Mapping[int, str]:
    try:
        return active.backend.on_lost_machines(active.job, hung)
    except BackendError:
        return {}


def _with_cause(unit: UnitStatus, lost: str) -> UnitStatus:
    """A silent unit with the cause that its backend knows; else it is hung, unless its machine is lost."""
    if unit.failure:
        return unit
    code = FailureCode.NODE_LOST if lost else FailureCode.AGENT_HUNG
    return replace(unit, failure=code, reason=lost)


def kill(active: ActiveStage, units: Collection[int]) -> bool:
    """Kill units; if that fails, which the log says, a later pass tries again."""
    try:
        active.backend.kill(active.job, units)
    except BackendError as error:
        log.warning(
            "kill_failed", stage_run=active.stage_run.pk, units=len(units), error=str(error)
        )
        return False
    return True


def kill_overdue(active: ActiveStage) -> None:
    """Kill units whose agents still play long after the execution time of their stage."""
    stage_run, limit = active.stage_run, timedelta(seconds=active.stage.execution_time)
    if not limit or stage_run.release_at is None:
        return
    # An agent that could not report yet that it has ended seems to play.
    if hearing().seconds_since(stage_run.release_at + limit) <= OVERTIME_SECONDS:
        return
    # The execution time of an agent that joined late starts when it joined.
    playing = AgentRun.objects.filter(
        stage_run=stage_run,
        status=AgentStatus.RUNNING,
        created_at__lt=timezone.now() - limit - timedelta(seconds=OVERTIME_SECONDS),
    )
    units = set(playing.values_list("unit", flat=True))
    if units and kill(active, units):
        for unit in units:
            late = UnitStatus(unit, UnitState.FAILED, failure=FailureCode.DEADLINE_EXCEEDED)
            attempts.end_attempts(stage_run, late)


def kill_unless_uploading(active: ActiveStage) -> bool:
    """Kill the units of a stage run but for those that upload, which give up by themselves."""
    rows = active.stage_run.agent_runs.filter(status=AgentStatus.UPLOADING)
    uploading = set(rows.values_list("unit", flat=True))
    return kill(active, set(range(active.stage_run.units)) - uploading)


def abandon_silent(active: ActiveStage) -> bool:
    """End the agents of units that nobody hears and that cannot be killed, if none of them is heard.

    Returns:
        Whether they were ended.
    """
    numbers = range(active.stage_run.units)
    code = FailureCode.BACKEND_UNAVAILABLE
    units = [UnitStatus(number, UnitState.ALIVE, failure=code) for number in numbers]
    if len(_silent_units(active.stage_run, units)) < len(units):
        return False
    attempts.end_units(active, units, stopping=True)
    return True


def give_up(active: ActiveStage) -> None:
    """Kill all units of a stage run that has failed, and end their agents with its failure.

    What cannot be killed is refused when it registers, and removed with what others have left.
    """
    stage_run = active.stage_run
    kill(active, range(stage_run.units))
    code, reason = stage_run.failure_code, (stage_run.failure_values or {}).get("reason", "")
    units = [
        UnitStatus(unit, UnitState.PENDING, failure=code, reason=reason)
        for unit in range(stage_run.units)
    ]
    attempts.end_units(active, units)


def failure_values(stage_run: StageRun, code: str) -> dict[str, Any]:
    """Values of the failure of a stage whose agents failed with this code."""
    if code == FailureCode.TRANSPORT_LOST:
        return _lost_messages(stage_run)
    if code == FailureCode.NOBODY_LISTENS:
        return _unheard_topics(stage_run)
    rows = stage_run.agent_runs.filter(failure_code=code)
    values = [row or {} for row in rows.values_list("failure_values", flat=True)]
    reasons = Counter(row["reason"] for row in values if row.get("reason"))
    return {"reason": reasons.most_common(1)[0][0]} if reasons else {}


def _lost_messages(stage_run: StageRun) -> dict[str, Any]:
    """Values of the failure of a stage whose agents lost too many messages."""
    rows = stage_run.agent_runs.filter(failure_code=FailureCode.TRANSPORT_LOST)
    newest = rows.newest("messages_undelivered", "outages")
    return link_changes.failure_values((lost, outages) for lost, outages in newest.values())


def _unheard_topics(stage_run: StageRun) -> dict[str, Any]:
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


def _silent_units(stage_run: StageRun, units: Iterable[UnitStatus]) -> set[int]:
    """Those of the units that have not reported for too long; empty while none can be heard."""
    observed = {unit.unit: unit for unit in units if unit.state in _MAY_REPORT}
    if not observed:
        return set()
    heard = hearing()
    try:
        last = heartbeats.last_times(stage_run.execution_id, stage_run.pk)
    except RedisUnreachableError:
        return set()
    # A gap that went unnoticed is not the fault of the unit.
    limit = settings.HUNG_AFTER_SECONDS + silence.GAP_SECONDS
    # A unit that does not run or has not registered yet has the time of a straggler.
    starting = max(limit, settings.STRAGGLER_LIMIT_SECONDS)

    def silence_of(unit: int, registered_at: datetime | None = None) -> float:
        started_at = observed[unit].running_since  # its pod may have waited for a node until then
        return heard.seconds_since(stage_run.prepared_at, started_at, last.get(unit), registered_at)

    candidates = {unit for unit in observed if silence_of(unit) > limit}
    registered = _registration_times(stage_run, candidates) if candidates else {}
    running = {unit for unit in registered if observed[unit].state is not UnitState.PENDING}
    return {
        unit
        for unit in candidates
        if silence_of(unit, registered.get(unit)) > (limit if unit in running else starting)
    }


def _registration_times(stage_run: StageRun, units: Collection[int]) -> dict[int, datetime]:
    """Registration time of the newest open attempt of each of these units that has one."""
    rows = stage_run.agent_runs.unfinished().filter(unit__in=units).order_by()
    return dict(rows.values_list("unit").annotate(newest=Max("created_at")))
