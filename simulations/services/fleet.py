"""What becomes of the units of a stage run: who is alive, who is hung, who is lost."""

from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus

import urllib3
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from simulations import live
from simulations.backends import backend
from simulations.backends.base import Job, UnitSeen, UnitState
from simulations.choices import AGENT_ENDED, AgentStatus, FailureCode
from simulations.exceptions import LiveAwayError
from simulations.models import AgentRun, StageRun
from simulations.services.lifecycle import note
from simulations.services.plan import Plan
from simulations.services.units import LAST_LOG, token_for

OVERTIME = timedelta(seconds=30)
"""How long an agent may go on past its execution time before it is killed."""


def job_of(stage_run: StageRun, plan: Plan) -> Job:
    """The stage run as the backend knows it."""
    return Job(
        execution=stage_run.execution_id,
        stage_run=stage_run.pk,
        units=stage_run.units,
        retries=plan.stage(stage_run.position).retries,
        token=token_for(stage_run.execution_id),
        server=settings.SERVER_URL + settings.API_STR,
    )


def look(stage_run: StageRun, plan: Plan, *, retry: bool) -> list[UnitSeen]:
    """See every unit; kill the hung ones, and write down the agents of those that are gone."""
    job = job_of(stage_run, plan)
    seen = backend(plan.backend).observe(job, retry=retry)
    alive = {unit.unit for unit in seen if unit.state is UnitState.ALIVE}
    hung = _silent(stage_run, alive)
    if hung and not _server_answers():
        # Not the units are silent, they are unheard: they get their time again from here on.
        with suppress(LiveAwayError):
            live.server_started()
    elif hung:
        _end(stage_run, hung, FailureCode.AGENT_HUNG)
        backend(plan.backend).kill(job, hung)
    gone = [u for u in seen if u.state in {UnitState.ENDED, UnitState.FAILED}]
    if gone:
        _write_off(stage_run, plan, gone)
    return seen


def kill_overdue(stage_run: StageRun, plan: Plan) -> None:
    """Kill units whose agents still play long after the execution time of their stage."""
    limit = plan.stage(stage_run.position).execution_time
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
        _end(stage_run, units, FailureCode.DEADLINE_EXCEEDED)
        backend(plan.backend).kill(job_of(stage_run, plan), units)


def kill_all(stage_run: StageRun, plan: Plan) -> None:
    """Leave no unit of a stage run."""
    backend(plan.backend).kill(job_of(stage_run, plan), range(stage_run.units))


def outcome(stage_run: StageRun) -> Counter[tuple[str, str]]:
    """How many agents ended how, by status and failure code, in their newest attempt."""
    newest: dict[int, tuple[str, str]] = {}
    rows = stage_run.agent_runs.order_by("attempt")
    for number, status, code in rows.values_list("number", "status", "failure_code"):
        newest[number] = (status, code)
    return Counter(newest.values())


def _silent(stage_run: StageRun, alive: Collection[int]) -> set[int]:
    """Units that are alive and have said nothing for too long; unknown without Redis."""
    try:
        since = live.listening_since()
        heard = live.heard(stage_run.execution_id)
    except LiveAwayError:
        return set()
    if stage_run.prepared_at is not None:
        since = max(since, stage_run.prepared_at.timestamp())
    last = {h.snapshot.unit: h.at for h in heard if h.snapshot.stage_run == stage_run.pk}
    registered = _registered(stage_run)
    limit = timezone.now().timestamp() - settings.HUNG_AFTER_SECONDS
    starting = settings.STRAGGLER_LIMIT_SECONDS - settings.HUNG_AFTER_SECONDS
    silent = set()
    for unit in alive:
        begun = registered.get(unit)
        quiet_since = max(since, last.get(unit, 0.0), begun or 0.0)
        # A unit that has not registered yet is only starting: it has the time of a straggler.
        if quiet_since + (0.0 if begun else max(0.0, starting)) < limit:
            silent.add(unit)
    return silent


def _server_answers() -> bool:
    try:
        answer = urllib3.request(
            "GET", f"{settings.SERVER_URL}/", timeout=2, retries=False, redirect=False
        )
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _registered(stage_run: StageRun) -> dict[int, float]:
    """When the newest attempt of each unit registered."""
    rows = stage_run.agent_runs.exclude(status__in=AGENT_ENDED).order_by("created_at")
    return {unit: at.timestamp() for unit, at in rows.values_list("unit", "created_at")}


def _end(stage_run: StageRun, units: Iterable[int], code: FailureCode) -> None:
    """Write down that the open attempts of these units have ended for this reason."""
    for unit in units:
        open_rows = AgentRun.objects.filter(stage_run=stage_run, unit=unit)
        with transaction.atomic():
            changed = open_rows.exclude(status__in=AGENT_ENDED).update(
                status=AgentStatus.LOST,
                failure_code=code,
                failure_text=code.label,
                last_log=live.log_tail(stage_run.execution_id, stage_run.pk, unit)[-LAST_LOG:],
                ended_at=timezone.now(),
            )
            if changed:
                payload = {"position": stage_run.position, "unit": unit, "code": code}
                note(stage_run.execution_id, "unit.lost", payload=payload)


def _write_off(stage_run: StageRun, plan: Plan, gone: list[UnitSeen]) -> None:
    """No agent stays open whose unit is gone: also those that never registered get a row."""
    open_units = dict(
        AgentRun.objects.filter(stage_run=stage_run)
        .exclude(status__in=AGENT_ENDED)
        .values_list("unit", "attempt")
    )
    known = set(AgentRun.objects.filter(stage_run=stage_run).values_list("unit", flat=True))
    for unit in gone:
        code = FailureCode.AGENT_LOST
        if unit.failure in FailureCode.values and unit.failure:
            code = FailureCode(unit.failure)
        if unit.unit in open_units:
            _end(stage_run, [unit.unit], code)
        elif unit.unit not in known:
            _never_came(stage_run, plan, unit.unit, code)


def _never_came(stage_run: StageRun, plan: Plan, unit: int, code: FailureCode) -> None:
    slots = plan.slots(plan.stage(stage_run.position), unit)
    AgentRun.objects.bulk_create(
        [
            AgentRun(
                stage_run=stage_run,
                number=slot.number,
                unit=unit,
                status=AgentStatus.LOST,
                failure_code=code,
                failure_text=str(code.label),
                ended_at=timezone.now(),
            )
            for slot in slots
        ],
        ignore_conflicts=True,
    )
