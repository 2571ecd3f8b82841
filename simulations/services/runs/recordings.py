"""The ledger of recordings: what is expected, what arrived, what is missing."""

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from agent.protocol import (
    FileUpload,
    PartAddress,
    RecordingComplete,
    RecordingOffer,
    RecordingUpload,
)
from simulations.choices import (
    RECORDING_OPEN,
    AgentStatus,
    DataStatus,
    EventKind,
    RecordingStatus,
    Transport,
)
from simulations.exceptions import SupersededError, UnitRefusedError
from simulations.models import Execution, Recording, StageRun
from simulations.services.events import record_event
from simulations.services.runs.active_stage import ActiveStage
from simulations.services.runs.units import Place, place
from storage.choices import Origin, Status
from storage.models import Rosbag
from storage.objects.base import UploadedPart
from storage.services.intake import uploads


def expect(active: ActiveStage) -> None:
    """Write down what each unit is to record, before the release. Twice is no error."""
    stage_run, stage = active.stage_run, active.stage
    if not stage.record:
        return
    rows = [
        Recording(
            stage_run=stage_run,
            unit=unit,
            topics=[
                slot.namespace + topic.name
                for slot in active.plan.slots(stage, unit)
                for topic in stage.record
            ],
        )
        for unit in range(stage_run.units)
    ]
    Recording.objects.bulk_create(rows, ignore_conflicts=True)


def offer(execution_id: int, message: RecordingOffer) -> RecordingUpload:
    """Give a finished recording a place; asked again, give fresh addresses.

    Raises:
        SupersededError: a newer attempt has taken over.
        UnitRefusedError: the recording was judged already.
        StoreError: storage is away; the unit keeps the recording and asks again.
    """
    where = _current(execution_id, message.stage_run, message.unit, message.attempt)
    recording = _row(where)
    if not message.files:
        _take_over(recording, message, None, RecordingStatus.VERIFYING)
        return RecordingUpload(recording=recording.pk, files=())
    rosbag = recording.rosbag
    if rosbag is None or recording.attempt != message.attempt:
        rosbag = _open(where, recording, message)
    if rosbag.status != Status.UPLOADING:
        return RecordingUpload(recording=recording.pk, files=())
    return RecordingUpload(
        recording=recording.pk,
        files=tuple(
            FileUpload(
                path=plan.path,
                upload_id=plan.upload_id,
                parts=tuple(
                    PartAddress(number=part.number, url=part.url, size=part.size)
                    for part in plan.parts
                ),
            )
            for plan in uploads.sign_part_urls(rosbag, audience="unit")
        ),
    )


def complete(execution_id: int, message: RecordingComplete) -> Rosbag:
    """Join what was uploaded; the rosbag then awaits verification. Twice is no error."""
    where = _current(execution_id, message.stage_run, message.unit, message.attempt)
    recording = _row(where)
    if recording.pk != message.recording or recording.rosbag is None:
        raise UnitRefusedError(_("This recording was never offered."))
    finished = [
        uploads.FinishedUpload(
            path=file.path,
            upload_id=file.upload_id,
            parts=[UploadedPart(number=part.number, etag=part.etag) for part in file.parts],
        )
        for file in message.files
    ]
    rosbag = uploads.complete(recording.rosbag, finished)
    Recording.objects.filter(pk=recording.pk, status=RecordingStatus.UPLOADING).update(
        status=RecordingStatus.VERIFYING, updated_at=timezone.now()
    )
    return rosbag


def settle(active: ActiveStage) -> int:
    """Bring each recording to what storage says of it; the answer is how many are still open.

    Call it when no unit of the stage run is left: what was not uploaded by then is lost.
    """
    still_open = 0
    rows = active.stage_run.recordings.filter(status__in=RECORDING_OPEN).select_related("rosbag")
    if not (found := list(rows)):
        return 0
    published = _own_published(active)
    for recording in found:
        verdict = _verdict(recording, _own_missing(recording, published))
        if verdict is None:
            still_open += 1
        else:
            _close(recording, *_with_place(verdict, recording, active))
    return still_open


def excuse(stage_run: StageRun) -> None:
    """Expect nothing of units that a stop kept from starting."""
    open_rows = stage_run.recordings.filter(status=RecordingStatus.EXPECTED)
    if stage_run.release_at is not None:
        played = stage_run.agent_runs.exclude(status=AgentStatus.STOPPED, published=0)
        open_rows = open_rows.exclude(unit__in=played.values("unit"))
    open_rows.update(status=RecordingStatus.EMPTY, text=_("Stopped before the start."))


def _with_place(
    verdict: tuple[RecordingStatus, str], recording: Recording, active: ActiveStage
) -> tuple[RecordingStatus, str]:
    """A loss that names what its unit has kept."""
    status, text = verdict
    kept = ""
    if status == RecordingStatus.LOST:
        kept = active.backend.left(active.job, recording.unit)
    if not kept:
        return verdict
    words = {"folder": kept}
    sentence = _(
        "What was written is kept in %(folder)s on the machine of the unit: if it has no "
        "metadata.yaml make it with `ros2 bag reindex`, then import that folder."
    )
    return status, f"{text} {sentence % words}"


def _verdict(recording: Recording, own_missing: int) -> tuple[RecordingStatus, str] | None:
    """What became of a recording whose unit has ended; None while it is being verified."""
    rosbag = recording.rosbag
    if own_missing:
        words = {"missing": own_missing}
        sentence = _("%(missing)s of its own publications were not recorded.") % words
        return RecordingStatus.LOST, sentence
    if recording.dropped:
        words = {"dropped": recording.dropped}
        return RecordingStatus.LOST, _("The recorder dropped %(dropped)s messages.") % words
    if rosbag is None and recording.status == RecordingStatus.VERIFYING:
        return RecordingStatus.EMPTY, ""
    if rosbag is None or rosbag.status == Status.UPLOADING:
        return RecordingStatus.LOST, _("Its unit ended before it was stored.")
    return _verified(recording, rosbag)


def _verified(recording: Recording, rosbag: Rosbag) -> tuple[RecordingStatus, str] | None:
    if rosbag.status == Status.VERIFYING:
        return None
    if not rosbag.usable:
        return RecordingStatus.LOST, rosbag.sentence
    if rosbag.message_count != recording.message_count:
        words = {"stored": rosbag.message_count, "recorded": recording.message_count}
        sentence = _("%(stored)s messages are stored, %(recorded)s were recorded.") % words
        return RecordingStatus.LOST, sentence
    return RecordingStatus.STORED, ""


def data_status(execution: Execution) -> DataStatus:
    """What the ledger of an execution amounts to; recordings of stages never begun do not exist."""
    states = set(
        Recording.objects.filter(stage_run__execution=execution).values_list("status", flat=True)
    )
    if not states:
        return DataStatus.NOT_EXPECTED
    if states & RECORDING_OPEN:
        return DataStatus.PENDING
    lost = RecordingStatus.LOST in states
    return DataStatus.INCOMPLETE if lost else DataStatus.COMPLETE


def _own_published(active: ActiveStage) -> dict[tuple[int, int], int]:
    """What the attempts of units published, where all of that is to be recorded; else nothing."""
    stage = active.stage
    recorded = {"/" + topic.name.lstrip("/") for topic in stage.record}
    played = {"/" + name.lstrip("/") for name in stage.topics}
    own = stage.record_own or active.plan.link.transport == Transport.NULL
    if not own or not played <= recorded:
        return {}
    agents = active.stage_run.agent_runs.order_by()
    sums = agents.values_list("unit", "attempt").annotate(total=Sum("published"))
    return {(unit, attempt): total for unit, attempt, total in sums}


def _own_missing(recording: Recording, published: dict[tuple[int, int], int]) -> int:
    """How many own publications a delivered recording lacks."""
    if recording.message_count is None:
        return 0
    return max(0, published.get((recording.unit, recording.attempt), 0) - recording.message_count)


def _current(execution_id: int, stage_run: int, unit: int, attempt: int) -> Place:
    where = place(execution_id, stage_run, unit)
    if attempt != where.attempt:
        raise SupersededError(_("A newer attempt of this unit has taken over."))
    return where


def _row(where: Place) -> Recording:
    found = (
        Recording.objects.select_related("rosbag")
        .filter(stage_run=where.stage_run, unit=where.unit)
        .first()
    )
    if found is None:
        raise UnitRefusedError(_("No recording is expected of this unit."))
    return found


def _open(where: Place, recording: Recording, message: RecordingOffer) -> Rosbag:
    """Open the upload of a recording; one that an earlier attempt left is given up."""
    execution = where.stage_run.execution
    rosbag = uploads.begin(
        f"{execution.simulation.name} {execution.number}, {where.stage_run.position}-{where.unit}",
        [uploads.NewFile(file.path, file.size, file.sha256) for file in message.files],
        origin=Origin.RECORDED,
        created_by=execution.requested_by,
    )
    try:
        kept = _take_over(recording, message, rosbag, RecordingStatus.UPLOADING)
    except UnitRefusedError:
        uploads.abandon(rosbag)
        raise
    if kept is None or kept != rosbag:
        uploads.abandon(rosbag)
    return kept or rosbag


def _take_over(
    recording: Recording,
    message: RecordingOffer,
    rosbag: Rosbag | None,
    status: RecordingStatus,
) -> Rosbag | None:
    """Make an offer the one that counts; of two that come at once the first, and its rosbag is the answer.

    Raises UnitRefusedError when the recording was judged already.
    """
    rows = Recording.objects.filter(pk=recording.pk, status__in=RECORDING_OPEN)
    mine = rows.filter(rosbag=recording.rosbag_id, attempt=recording.attempt).update(
        rosbag=rosbag,
        attempt=message.attempt,
        status=status,
        message_count=message.message_count,
        dropped=message.dropped,
        updated_at=timezone.now(),
    )
    if mine:
        if recording.rosbag is not None and recording.rosbag != rosbag:
            uploads.abandon(recording.rosbag)
        return rosbag
    now = rows.filter(attempt=message.attempt).select_related("rosbag").first()
    if now is None:
        raise UnitRefusedError(_("This recording was judged already: nothing is taken any more."))
    return now.rosbag


def _close(recording: Recording, status: RecordingStatus, text: str) -> None:
    with transaction.atomic():
        rows = Recording.objects.filter(pk=recording.pk, status__in=RECORDING_OPEN)
        if rows.update(status=status, text=text, updated_at=timezone.now()):
            payload = {"unit": recording.unit, "status": status, "text": text}
            record_event(
                recording.stage_run.execution_id, EventKind.RECORDING_STATUS, payload=payload
            )
