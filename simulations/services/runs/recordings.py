"""Recordings of units: expected, uploaded, and stored, empty or lost."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from agent.topic_names import with_slash
from simulations.choices import (
    RECORDING_OPEN,
    AgentStatus,
    DataStatus,
    EventKind,
    RecordingStatus,
    Transport,
)
from simulations.failures import periods
from simulations.models import Execution, Recording, StageRun
from simulations.services.events import record_event
from simulations.services.runs.active_stage import ActiveStage
from storage.choices import Status
from storage.models import Rosbag


def create_expected(active: ActiveStage) -> None:
    """Create the expected recording of each unit, before the release; may be repeated."""
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


def close_finished(active: ActiveStage) -> int:
    """Close the recordings whose result is certain, as stored, empty or lost.

    Call it when all units of the stage run have ended: a recording that is not uploaded by then is lost.

    Returns:
        Number of recordings that stay open, as they are being verified.
    """
    rows = active.stage_run.recordings.filter(status__in=RECORDING_OPEN).select_related("rosbag")
    if not (recordings := list(rows)):
        return 0
    published = _own_messages_published(active)
    results = [(row, *_result(row, _own_messages_missing(row, published))) for row in recordings]
    certain = [result for result in results if result[1] not in RECORDING_OPEN]
    if certain:
        _close_all(active, certain)
    return len(recordings) - len(certain)


def _close_all(
    active: ActiveStage, results: Iterable[tuple[Recording, RecordingStatus, str]]
) -> None:
    outages = _outages(active)
    for recording, status, text in results:
        times = outages.get((recording.unit, recording.attempt))
        if status == RecordingStatus.LOST:
            text += _kept_folder_hint(recording, active)  # noqa: PLW2901
        elif times:
            message = _("The connection was lost (%(periods)s): messages of others may be missing.")
            text = message % {"periods": times}  # noqa: PLW2901
        _close(recording, status, text)


def close_unstarted(stage_run: StageRun) -> None:
    """Close the recordings of units that a stop kept from starting."""
    open_rows = stage_run.recordings.filter(status=RecordingStatus.EXPECTED)
    if stage_run.release_at is not None:
        played = stage_run.agent_runs.exclude(status=AgentStatus.STOPPED, published=0)
        open_rows = open_rows.exclude(unit__in=played.values("unit"))
    open_rows.update(status=RecordingStatus.EMPTY, text=_("Stopped before the start."))


def _kept_folder_hint(recording: Recording, active: ActiveStage) -> str:
    """A sentence that names the folder in which a unit has kept a lost recording, if any."""
    folder = active.backend.kept_recording(active.job, recording.unit)
    if not folder:
        return ""
    values = {"folder": folder}
    message = _(
        "What was written is kept in %(folder)s on the machine of the unit: if it has no "
        "metadata.yaml make it with `ros2 bag reindex`, then import that folder."
    )
    return f" {message % values}"


def _result(recording: Recording, own_missing: int) -> tuple[RecordingStatus, str]:
    """Status and message of a recording whose unit has ended; VERIFYING while that is under way."""
    rosbag = recording.rosbag
    if own_missing:
        values = {"missing": own_missing}
        message = _("%(missing)s messages of its own agents were not recorded.")
        return RecordingStatus.LOST, message % values
    if recording.dropped:
        values = {"dropped": recording.dropped}
        return RecordingStatus.LOST, _("The recorder dropped %(dropped)s messages.") % values
    if rosbag is None and recording.status == RecordingStatus.VERIFYING:
        return RecordingStatus.EMPTY, ""
    if rosbag is None or rosbag.status == Status.UPLOADING:
        return RecordingStatus.LOST, _("Its unit ended before the upload was complete.")
    return _result_of_rosbag(recording, rosbag)


def _result_of_rosbag(recording: Recording, rosbag: Rosbag) -> tuple[RecordingStatus, str]:
    if rosbag.status == Status.VERIFYING:
        return RecordingStatus.VERIFYING, ""
    if not rosbag.usable:
        return RecordingStatus.LOST, rosbag.sentence
    stored = (rosbag.message_count or 0) + _not_playable(rosbag)
    if stored != recording.message_count:
        values = {"stored": stored, "recorded": recording.message_count}
        message = _("%(stored)s messages are stored, %(recorded)s were recorded.")
        return RecordingStatus.LOST, message % values
    return RecordingStatus.STORED, ""


def _not_playable(rosbag: Rosbag) -> int:
    """Messages that are stored as they arrived, although they cannot be played again."""
    invalid = (w["details"] for w in rosbag.warnings if w["code"] == "MESSAGES_INVALID")
    return sum(details["messages"] for details in invalid)


def _outages(active: ActiveStage) -> dict[tuple[int, int], str]:
    """Times in which units could not receive messages of others, by unit and attempt."""
    rows = active.stage_run.agent_runs.filter(link_changes__gt=0)
    return {
        (unit, attempt): periods([(row["began_at"], row["ended_at"]) for row in outages or []])
        for unit, attempt, outages in rows.values_list("unit", "attempt", "outages")
    }


def data_status(execution: Execution) -> DataStatus:
    """Sum up the recordings of an execution; stages that never started have none."""
    statuses = set(
        Recording.objects.filter(stage_run__execution=execution).values_list("status", flat=True)
    )
    if not statuses:
        return DataStatus.NOT_EXPECTED
    if statuses & RECORDING_OPEN:
        return DataStatus.PENDING
    lost = RecordingStatus.LOST in statuses
    return DataStatus.INCOMPLETE if lost else DataStatus.COMPLETE


def _own_messages_published(active: ActiveStage) -> dict[tuple[int, int], int]:
    """Published messages by unit and attempt, if all of them have to be in the recordings; else empty."""
    stage = active.stage
    recorded = {with_slash(topic.name) for topic in stage.record}
    played = {with_slash(name) for name in (topic.published_name for topic in stage.topics)}
    own = stage.record_own or active.plan.link.transport == Transport.NULL
    if not own or not played <= recorded:
        return {}
    agents = active.stage_run.agent_runs.order_by()
    sums = agents.values_list("unit", "attempt").annotate(total=Sum("published"))
    return {(unit, attempt): total for unit, attempt, total in sums}


def _own_messages_missing(recording: Recording, published: dict[tuple[int, int], int]) -> int:
    """Number of its unit's own messages that are missing in a delivered recording."""
    if recording.message_count is None:
        return 0
    return max(0, published.get((recording.unit, recording.attempt), 0) - recording.message_count)


def _close(recording: Recording, status: RecordingStatus, text: str) -> None:
    with transaction.atomic():
        rows = Recording.objects.filter(pk=recording.pk, status__in=RECORDING_OPEN)
        if rows.update(status=status, text=text, updated_at=timezone.now()):
            payload = {"unit": recording.unit, "status": status, "text": text}
            record_event(
                recording.stage_run.execution_id, EventKind.RECORDING_STATUS, payload=payload
            )
