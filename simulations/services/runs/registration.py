"""Registration of units: each process that registers opens a new attempt and ends the older ones."""

from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from agent.protocol import PROTOCOL, Assignment, BagFile, Registration
from simulations.choices import AGENT_ENDED, PLAYING, AgentStatus, EventKind, FailureCode
from simulations.exceptions import SupersededError, UnitRefusedError
from simulations.failures import failure
from simulations.models import AgentRun, StageRun
from simulations.services.events import record_event
from simulations.services.plan import Plan, plan_of
from simulations.services.runs import recording_contents
from storage.models import Rosbag
from storage.services.rosbags.downloads import signed_files


@dataclass(frozen=True)
class UnitAttempt:
    """The newest attempt of a unit (0: none), with its stage run."""

    stage_run: StageRun
    unit: int
    attempt: int


def newest_attempt(execution_id: int, stage_run_id: int, unit: int) -> UnitAttempt:
    """Find the newest attempt of a unit, in one query.

    Raises:
        UnitRefusedError: The execution has no such unit.
    """
    newest = Max("agent_runs__attempt", filter=Q(agent_runs__unit=unit))
    rows: QuerySet[StageRun] = StageRun.objects.select_related("execution")
    own = rows.filter(pk=stage_run_id, execution=execution_id)
    stage_run = own.annotate(newest=newest).first()
    if stage_run is None or not 0 <= unit < stage_run.units:
        raise UnitRefusedError(_("There is no such unit in this execution."))
    return UnitAttempt(stage_run, unit, stage_run.newest or 0)


def register(execution_id: int, message: Registration) -> Assignment:
    """Open a new attempt of a unit; older attempts may not report any more.

    A process that registers again, as the answer did not reach it, gets the attempt that it has.

    Raises:
        SupersededError: The attempt of this process has ended, or the agents of its unit have completed.
        UnitRefusedError: The protocol differs, or the stage accepts no units any more.
    """
    if message.protocol != PROTOCOL:
        raise UnitRefusedError(_("The unit uses another version of the protocol: update it."))
    with transaction.atomic():
        _lock_open_stage(execution_id, message.stage_run)
        newest = newest_attempt(execution_id, message.stage_run, message.unit)
        plan = plan_of(newest.stage_run.execution)
        if not _is_registered(newest, message.process):
            _refuse_completed(newest)
            _end_attempts(newest)
            newest = _open_attempt(newest, message.process, plan)
    return _assignment(newest, plan)


def _lock_open_stage(execution_id: int, stage_run_id: int) -> None:
    """Check that the stage accepts units, and lock it until the attempt is written."""
    rows = StageRun.objects.filter(
        pk=stage_run_id, execution=execution_id, status__in=PLAYING, execution__status__in=PLAYING
    )
    if not rows.lock():
        raise UnitRefusedError(_("The stage accepts no more units."))


def _is_registered(newest: UnitAttempt, process: str) -> bool:
    """Check whether the newest attempt is that of this process.

    Raises:
        SupersededError: It had one that has ended.
    """
    own = AgentRun.objects.filter(stage_run=newest.stage_run, unit=newest.unit, process=process)
    if not process or not own.exists():
        return False
    if not own.unfinished().filter(attempt=newest.attempt).exists():
        raise SupersededError(_("A newer attempt of this unit has taken over."))
    return True


def _refuse_completed(newest: UnitAttempt) -> None:
    """Refuse another process of a unit that has completed, as when its node was lost just after that.

    Raises:
        SupersededError: All agents of the newest attempt have completed.
    """
    rows = AgentRun.objects.filter(
        stage_run=newest.stage_run, unit=newest.unit, attempt=newest.attempt
    )
    statuses = set(rows.values_list("status", flat=True)) if newest.attempt else set()
    if statuses == {AgentStatus.COMPLETED}:
        raise SupersededError(_("The agents of this unit have completed."))


def _end_attempts(previous: UnitAttempt) -> None:
    older = AgentRun.objects.filter(stage_run=previous.stage_run, unit=previous.unit)
    older.exclude(status__in=AGENT_ENDED).update(
        status=AgentStatus.LOST,
        ended_at=timezone.now(),
        **failure(FailureCode.AGENT_LOST, superseded_by=previous.attempt + 1),
    )


def _open_attempt(previous: UnitAttempt, process: str, plan: Plan) -> UnitAttempt:
    stage_run, unit, attempt = previous.stage_run, previous.unit, previous.attempt + 1
    AgentRun.objects.bulk_create(
        AgentRun(
            stage_run=stage_run,
            number=slot.number,
            attempt=attempt,
            unit=unit,
            process=process,
            status=AgentStatus.STARTING,
            late=stage_run.release_at is not None,
        )
        for slot in plan.slots(plan.stage(stage_run.position), unit)
    )
    recording_contents.create_expected(stage_run, plan, [unit], attempt=attempt)
    if attempt > 1:
        payload = {"unit": unit, "attempt": attempt}
        record_event(stage_run.execution_id, EventKind.UNIT_RETRIED, payload=payload)
    return UnitAttempt(stage_run, unit, attempt)


def _assignment(current: UnitAttempt, plan: Plan) -> Assignment:
    stage_run, unit = current.stage_run, current.unit
    stage = plan.stage(stage_run.position)
    rosbag = Rosbag.objects.filter(pk=stage.rosbag).first()
    if rosbag is None:
        raise UnitRefusedError(_("The rosbag of this stage was removed: start with another one."))
    files = signed_files(rosbag, audience="unit")
    return Assignment(
        attempt=current.attempt,
        execution=stage_run.execution_id,
        unit_name=f"execution-{stage_run.execution_id}-stage-{stage_run.pk}-unit-{unit}",
        agents=plan.slots(stage, unit),
        bag=tuple(BagFile(path=f.path, size=f.size, sha256=f.sha256, url=f.url) for f in files),
        bag_digest=stage.rosbag_digest,
        topics=stage.topics,
        rate=stage.rate,
        max_gap_seconds=stage.max_gap_seconds,
        start_offset=stage.start_offset,
        end_offset=stage.end_offset,
        passes=stage.repeats,
        pass_gap=stage.pass_gap,
        clock_hz=stage.clock_hz,
        publishes_clock=stage.clock_hz > 0 and unit == 0,
        restamp=stage.restamp,
        prefix_frames=stage.prefix_frames,
        match_seconds=stage.match_seconds,
        execution_time=stage.execution_time,
        link=plan.link,
        record=stage.record,
        record_own=stage.record_own,
        record_scope=cast("Any", stage.record_scope),
        record_storage=cast("Any", stage.record_storage),
        segment_seconds=settings.RECORDING_SEGMENT_SECONDS,
        segment_bytes=settings.RECORDING_SEGMENT_MIB * 2**20,
        lost_messages_allowed=stage.lost_messages_allowed,
        heartbeat_seconds=settings.HEARTBEAT_SECONDS,
        upload_limit_seconds=settings.UPLOAD_LIMIT_SECONDS,
    )
