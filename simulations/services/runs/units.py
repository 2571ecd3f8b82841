"""What units say: registration, heartbeats, last words."""

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from agent.protocol import (
    PROTOCOL,
    AgentReport,
    Answer,
    Assignment,
    BagFile,
    Command,
    Registration,
    Snapshot,
)
from simulations.choices import AGENT_ENDED, PLAYING, AgentStatus, EventKind, FailureCode
from simulations.exceptions import LiveAwayError, SupersededError, UnitRefusedError
from simulations.failures import failure
from simulations.live import logs, snapshots
from simulations.models import AgentRun, StageRun
from simulations.services.events import record_event
from simulations.services.plan import Plan, plan_of
from storage.models import Rosbag
from storage.services.rosbags.downloads import signed_files

_SALT = "simulations.unit"
TOKEN_SECONDS = 30 * 86400
LAST_LOG = 4000


@dataclass(frozen=True)
class Place:
    """A unit's stage run, checked against its token, and the newest attempt of the unit."""

    stage_run: StageRun
    unit: int
    attempt: int


class _Standing(NamedTuple):
    """How things stand for a unit: what it is to do, and the rows of its newest attempt."""

    execution: str
    stage: str
    release_at: datetime | None
    attempt: int
    agents: list[tuple[int, int, str]]
    """Primary key, agent number and status."""


def token_for(execution_id: int) -> str:
    """The secret of an execution's units: signed, so that it is checked without a query."""
    return signing.dumps({"execution": execution_id}, salt=_SALT)


def execution_of(token: str) -> int:
    """The execution that a token belongs to. Raises UnitRefusedError."""
    try:
        return int(signing.loads(token, salt=_SALT, max_age=TOKEN_SECONDS)["execution"])
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise UnitRefusedError(_("The token of the unit is not valid.")) from error


def place(execution_id: int, stage_run_id: int, unit: int) -> Place:
    """Find a unit's place in one query. Raises UnitRefusedError for one outside the execution."""
    newest = Max("agent_runs__attempt", filter=Q(agent_runs__unit=unit))
    found = (
        StageRun.objects.select_related("execution")
        .filter(pk=stage_run_id, execution=execution_id)
        .annotate(newest=newest)
        .first()
    )
    if found is None or not 0 <= unit < found.units:
        raise UnitRefusedError(_("There is no such unit in this execution."))
    return Place(found, unit, found.newest or 0)


def register(execution_id: int, message: Registration) -> Assignment:
    """Open a new attempt of a unit; older ones are fenced off from here on.

    Raises:
        UnitRefusedError: another protocol, or the stage takes no units any more.
    """
    if message.protocol != PROTOCOL:
        raise UnitRefusedError(_("The unit speaks another version of the protocol: update it."))
    where = place(execution_id, message.stage_run, message.unit)
    plan = plan_of(where.stage_run.execution)
    slots = plan.slots(plan.stage(where.stage_run.position), message.unit)
    attempt = where.attempt + 1
    try:
        with transaction.atomic():
            _hold_open(where)
            _fence_off(where)
            AgentRun.objects.bulk_create(
                AgentRun(
                    stage_run=where.stage_run,
                    number=slot.number,
                    attempt=attempt,
                    unit=message.unit,
                    status=AgentStatus.STARTING,
                    late=where.stage_run.release_at is not None,
                )
                for slot in slots
            )
            if attempt > 1:
                payload = {"unit": message.unit, "attempt": attempt}
                record_event(execution_id, EventKind.UNIT_RETRIED, payload=payload)
    except IntegrityError as error:  # another process of the unit registered just now
        raise SupersededError(_("A newer attempt of this unit has registered.")) from error
    return _assignment(where, plan, attempt)


def report(execution_id: int, message: Snapshot) -> Answer:
    """Take a heartbeat in; the answer is the command as it stands in the database.

    What changed is in the database before the answer.

    Raises:
        SupersededError: a newer attempt has taken over.
        UnitRefusedError: there is no such unit in this execution.
    """
    received = time.time_ns()
    standing = _standing(execution_id, message.stage_run, message.unit)
    if message.attempt != standing.attempt:
        raise SupersededError(_("A newer attempt of this unit has taken over."))
    _write_changes(execution_id, standing, message)
    # Without Redis the run goes on from the database; the next heartbeat fills it again.
    with suppress(LiveAwayError):
        snapshots.store(execution_id, message)
        logs.append(execution_id, message)
    command, release, reason = _command(standing)
    return Answer(
        command=command,
        received_ns=received,
        sent_ns=time.time_ns(),
        release_ns=release,
        log_received=message.log_offset + len(message.log),
        reason=reason,
    )


def _standing(execution_id: int, stage_run_id: int, unit: int) -> _Standing:
    """All that a heartbeat needs, in one query of few columns: they come from each unit each second."""
    rows = AgentRun.objects.filter(
        stage_run=stage_run_id, stage_run__execution=execution_id, unit=unit
    ).order_by("attempt")
    found = list(
        rows.values_list(
            "stage_run__execution__status",
            "stage_run__status",
            "stage_run__release_at",
            "attempt",
            "pk",
            "number",
            "status",
        )
    )
    if not found:
        where = place(execution_id, stage_run_id, unit)
        run = where.stage_run
        return _Standing(run.execution.status, run.status, run.release_at, where.attempt, [])
    execution, stage, release_at, attempt = found[-1][:4]
    agents = [row[4:] for row in found if row[3] == attempt]
    return _Standing(execution, stage, release_at, attempt, agents)


def _command(standing: _Standing) -> tuple[Command, int | None, str]:
    if standing.execution not in PLAYING or standing.stage not in PLAYING:
        return Command.STOP, None, str(standing.execution).lower()
    if standing.release_at is None:
        return Command.WAIT, None, ""
    return Command.GO, round(standing.release_at.timestamp() * 1e6) * 1000, ""


def _hold_open(where: Place) -> None:
    """See that the stage takes units, and keep it so until the attempt is written.

    An update, so that a step of the controller waits for it, or it for the step.
    """
    rows = StageRun.objects.filter(
        pk=where.stage_run.pk, status__in=PLAYING, execution__status__in=PLAYING
    )
    if not rows.update(units=F("units")):
        raise UnitRefusedError(_("The stage takes no units any more."))


def _fence_off(where: Place) -> None:
    """End what the attempts before left open."""
    older = AgentRun.objects.filter(stage_run=where.stage_run, unit=where.unit)
    older.exclude(status__in=AGENT_ENDED).update(
        status=AgentStatus.LOST,
        ended_at=timezone.now(),
        **failure(FailureCode.AGENT_LOST, superseded_by=where.attempt + 1),
    )


def _assignment(where: Place, plan: Plan, attempt: int) -> Assignment:
    execution = where.stage_run.execution
    stage = plan.stage(where.stage_run.position)
    rosbag = Rosbag.objects.filter(pk=stage.rosbag).first()
    if rosbag is None:
        raise UnitRefusedError(_("The rosbag of this stage was removed: start with another one."))
    files = signed_files(rosbag, audience="unit")
    return Assignment(
        attempt=attempt,
        execution=execution.pk,
        unit_name=f"execution-{execution.pk}-stage-{where.stage_run.pk}-unit-{where.unit}",
        agents=plan.slots(stage, where.unit),
        bag=tuple(BagFile(path=f.path, size=f.size, sha256=f.sha256, url=f.url) for f in files),
        bag_digest=stage.rosbag_digest,
        topics=stage.topics,
        rate=stage.rate,
        passes=stage.repeats,
        execution_time=stage.execution_time,
        link=plan.link,
        record=stage.record,
        record_own=stage.record_own,
        heartbeat_seconds=settings.HEARTBEAT_SECONDS,
        upload_limit_seconds=settings.UPLOAD_LIMIT_SECONDS,
    )


def _write_changes(execution_id: int, standing: _Standing, message: Snapshot) -> None:
    """Write states that went on, and every figure with the last word; what has ended stays as it is.

    An ended state counts with the unit's last word only: until then its recording is under way.
    """
    reports = {each.number: each for each in message.agents}
    changed = [
        (pk, reports[number])
        for pk, number, status in standing.agents
        if number in reports and _goes_on(status, reports[number].state.value, final=message.final)
    ]
    if not changed:
        return
    log = logs.tail(execution_id, message.stage_run, message.unit) if message.final else ""
    rows = []
    for pk, seen in changed:
        row = AgentRun(pk=pk, status=seen.state.value)
        fill(row, seen, message)
        if message.final:
            _end(row, message, log + message.log)
        rows.append(row)
    if message.final:  # one row of the attempt keeps the log, be all well
        rows[0].last_log = _printable(log + message.log)[-LAST_LOG:]
    # Again only what is open: the controller may have given an agent up since it was read.
    AgentRun.objects.exclude(status__in=AGENT_ENDED).bulk_update(rows, [*FIGURES, *_END])


_ORDER = {str(status): place for place, status in enumerate(AgentStatus)}


def _goes_on(before: str, now: str, *, final: bool) -> bool:
    """Whether a report takes an agent on; one that was long on its way must not take it back."""
    if before in AGENT_ENDED:
        return False
    return final or (now not in AGENT_ENDED and _ORDER[now] > _ORDER[before])


FIGURES = [
    "late",
    "published",
    "published_bytes",
    "passes",
    "lateness_p50_us",
    "lateness_p99_us",
    "start_skew_us",
    "skew_uncertainty_us",
    "last_publication_at",
]
_END = ["status", "failure_code", "failure_values", "failure_text", "last_log", "ended_at"]


def fill(row: AgentRun, seen: AgentReport, message: Snapshot) -> None:
    """Put the figures of a snapshot into a row; it is not saved."""
    row.late = message.late
    row.published, row.published_bytes = seen.published, seen.published_bytes
    row.passes = seen.passes
    row.lateness_p50_us, row.lateness_p99_us = seen.lateness_p50_us, seen.lateness_p99_us
    row.start_skew_us = seen.start_skew_us
    row.skew_uncertainty_us = seen.skew_uncertainty_us
    if message.last_publication_ns is not None:
        row.last_publication_at = datetime.fromtimestamp(message.last_publication_ns / 1e9, tz=UTC)


def _end(row: AgentRun, message: Snapshot, log: str) -> None:
    row.ended_at = timezone.now()
    if row.status == AgentStatus.FAILED and message.failure is not None:
        known = message.failure.code in FailureCode.values
        row.failure_code = message.failure.code if known else FailureCode.AGENT_CRASHED
        row.failure_text = _printable(message.failure.text)
        row.last_log = _printable(log)[-LAST_LOG:]


def _printable(text: str) -> str:
    """A text that every database takes: PostgreSQL keeps no NUL."""
    return text.replace("\0", "")
