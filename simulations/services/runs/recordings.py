"""Ends of recordings: sealed where their unit did not close them, and stored, partial, empty or lost."""

from collections.abc import Iterable, Iterator

from django.db import transaction
from django.db.models import F, IntegerField, Sum, Value
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
from simulations.models import Recording, StageRun
from simulations.querysets import RecordingQuerySet
from simulations.services.events import record_event
from simulations.services.runs import sealing
from simulations.services.runs.active_stage import ActiveStage
from storage.choices import Status
from storage.models import Rosbag

RecordingKey = tuple[int, int | None, int]
"""Unit, agent and attempt of a recording."""


def close_finished(active: ActiveStage) -> int:
    """Close the recordings whose result is certain, as stored, partial, empty or lost.

    Call it when all units of the stage run have ended: what is not uploaded by then is lost.

    Returns:
        Number of recordings that stay open, as they are being verified or the storage is unavailable.
    """
    return _close_ended(active, active.stage_run.recordings.open())


def close_superseded(active: ActiveStage) -> None:
    """Close the recordings of attempts that a newer one has replaced, while it runs."""
    if active.stage.record:
        _close_ended(active, active.stage_run.recordings.open().superseded())


def _close_ended(active: ActiveStage, rows: RecordingQuerySet) -> int:
    if not (recordings := list(rows.select_related("rosbag"))):
        return 0
    for recording in recordings:
        recording.stage_run = active.stage_run
    sealing.seal_and_compose(active.stage_run, recordings)
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
        sentences = [text] if text else []
        if status in {RecordingStatus.LOST, RecordingStatus.PARTIAL}:
            sentences += _kept_folder_hint(recording, active)
        if times := outages.get((recording.unit, recording.attempt)):
            message = _("The connection was lost (%(periods)s): messages of others may be missing.")
            sentences.append(message % {"periods": times})
        _close(recording, status, " ".join(sentences))


def close_unstarted(stage_run: StageRun) -> None:
    """Close the recordings of units that a stop kept from starting."""
    open_rows = stage_run.recordings.filter(status=RecordingStatus.EXPECTED)
    if stage_run.release_at is not None:
        played = stage_run.agent_runs.exclude(status=AgentStatus.STOPPED, published=0)
        open_rows = open_rows.exclude(unit__in=played.values("unit"))
    open_rows.update(status=RecordingStatus.EMPTY, text=_("Stopped before the start."))


def _kept_folder_hint(recording: Recording, active: ActiveStage) -> list[str]:
    """A sentence that names the folder in which a unit has kept what is not stored, if any."""
    folder = active.backend.kept_recording(active.job, recording.unit, recording.attempt)
    if not folder:
        return []
    message = _(
        "What was written is kept in %(folder)s on the machine of the unit: if it has no "
        "metadata.yaml make it with `ros2 bag reindex`, then import that folder."
    )
    return [message % {"folder": folder}]


def _result(recording: Recording, own_missing: int) -> tuple[RecordingStatus, str]:
    """Status and message of a sealed recording; VERIFYING while that is under way."""
    rosbag = recording.rosbag
    if rosbag is not None and rosbag.status in {Status.UPLOADING, Status.VERIFYING}:
        return RecordingStatus.VERIFYING, ""
    losses = list(_losses(recording, own_missing))
    if rosbag is None:
        if recording.message_count == 0 and not losses:
            return RecordingStatus.EMPTY, ""
        ended = [] if losses else [_("Its unit ended before the upload was complete.")]
        return RecordingStatus.LOST, " ".join(losses + ended)
    if not rosbag.usable:
        return RecordingStatus.LOST, " ".join([rosbag.sentence, *losses])
    partial = losses or recording.lost_spans
    return RecordingStatus.PARTIAL if partial else RecordingStatus.STORED, " ".join(losses)


def _losses(recording: Recording, own_missing: int) -> Iterator[str]:
    """Messages that are missing, in words."""
    if own_missing:
        message = _("%(missing)s messages of its own agents were not recorded.")
        yield message % {"missing": own_missing}
    if recording.dropped:
        yield _("The recorder dropped %(dropped)s messages.") % {"dropped": recording.dropped}
    rosbag, recorded = recording.rosbag, recording.message_count or 0
    stored = (rosbag.message_count or 0) + _not_playable(rosbag) if rosbag else 0
    if stored != recorded and (rosbag is None or rosbag.usable):
        message = _("%(stored)s messages are stored, %(recorded)s were recorded.")
        yield message % {"stored": stored, "recorded": recorded}


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


def data_status(recordings: RecordingQuerySet) -> DataStatus:
    """Sum up recordings; stages that never started have none.

    Those of the newest attempts count: each of them plays all of it again, so that earlier ones are extras.
    """
    rows = recordings.order_by()
    if rows.open().exists():
        return DataStatus.PENDING
    statuses = set(rows.newest().values_list("status", flat=True))
    if not statuses:
        return DataStatus.NOT_EXPECTED
    incomplete = statuses & {RecordingStatus.LOST, RecordingStatus.PARTIAL}
    return DataStatus.INCOMPLETE if incomplete else DataStatus.COMPLETE


def _own_messages_published(active: ActiveStage) -> dict[RecordingKey, int]:
    """Published messages by recording, if all of them have to be in the recordings; else empty."""
    stage = active.stage
    recorded = {with_slash(topic.name) for topic in stage.record}
    played = {with_slash(name) for name in (topic.published_name for topic in stage.topics)}
    own = stage.record_own or active.plan.link.transport == Transport.NULL
    if not own or not played <= recorded:
        return {}
    agent = F("number") if stage.record_scope == "agent" else Value(None, IntegerField())
    rows = active.stage_run.agent_runs.order_by().annotate(agent=agent)
    sums = rows.values_list("unit", "agent", "attempt").annotate(total=Sum("published"))
    return {(unit, agent, attempt): total for unit, agent, attempt, total in sums}


def _own_messages_missing(recording: Recording, published: dict[RecordingKey, int]) -> int:
    """Number of its own agents' messages that are missing in a recording of which any is known."""
    if recording.message_count is None:
        return 0
    total = published.get((recording.unit, recording.agent, recording.attempt), 0)
    return max(0, total - recording.message_count)


def _close(recording: Recording, status: RecordingStatus, text: str) -> None:
    with transaction.atomic():
        rows = Recording.objects.filter(pk=recording.pk, status__in=RECORDING_OPEN)
        if rows.update(status=status, text=text, updated_at=timezone.now()):
            payload = {"unit": recording.unit, "status": status, "text": text}
            payload |= {"agent": recording.agent, "attempt": recording.attempt}
            payload["lost_spans"] = recording.lost_spans or []
            record_event(
                recording.stage_run.execution_id, EventKind.RECORDING_STATUS, payload=payload
            )
