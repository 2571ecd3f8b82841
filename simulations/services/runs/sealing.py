"""Sealing of recordings whose unit ended without closing them: killed, lost or superseded."""

from collections.abc import Iterable
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone

from simulations.choices import RECORDING_GROWING
from simulations.live import snapshots
from simulations.models import Recording, StageRun
from simulations.services.runs import lost_spans, recording_contents
from storage.choices import Status
from storage.objects.base import StoreError

log = structlog.get_logger(__name__)


def _is_incomplete(recording: Recording) -> bool:
    """Check for a recording of which no rosbag was composed yet."""
    rosbag = recording.rosbag
    uploading = rosbag is not None and rosbag.status == Status.UPLOADING
    return uploading or recording.status in RECORDING_GROWING


def seal_and_compose(stage_run: StageRun, recordings: Iterable[Recording]) -> None:
    """Seal recordings that no unit has closed, and compose what is stored of them.

    With the storage away they stay as they are, for the next pass.
    """
    incomplete = [recording for recording in recordings if _is_incomplete(recording)]
    if not incomplete:
        return
    times = _attempt_times(stage_run)
    for recording in incomplete:
        try:
            if recording.status in RECORDING_GROWING:
                _seal(recording, times.get((recording.unit, recording.attempt)))
            recording_contents.compose(recording)
        except StoreError as error:
            log.warning("recording_not_composed", recording=recording.pk, error=str(error))
        recording.refresh_from_db()
        recording.stage_run = stage_run


def _attempt_times(stage_run: StageRun) -> dict[tuple[int, int], tuple[Any, Any]]:
    """Registration and end of each attempt of each unit."""
    rows = stage_run.agent_runs.order_by().values_list("unit", "attempt")
    times = rows.annotate(began=Min("created_at"), ended=Max("ended_at"))
    return {(unit, attempt): (began, ended) for unit, attempt, began, ended in times}


def _seal(recording: Recording, times: tuple[Any, Any] | None) -> None:
    """Seal a recording with the segments that are stored; without any nobody says what it would have."""
    stage_run, spans, since = recording.stage_run, [], _open_since_ns(recording)
    with transaction.atomic():
        # Sealed first, which locks it: the server may still be storing the last segment of a unit that was
        # killed, and what is stored after it was counted would be missing in the figures.
        if not recording_contents.seal(recording):
            return
        segments = list(recording.segments.filter(stored=True).order_by("number"))
        if times is not None and stage_run.release_at is not None:
            began, ended = max(times[0], stage_run.release_at), times[1] or timezone.now()
            spans = lost_spans.of_unfinished(
                segments, lost_spans.to_ns(began), since, lost_spans.to_ns(ended)
            )
        count = sum(segment.message_count for segment in segments) if segments else None
        Recording.objects.filter(pk=recording.pk).update(message_count=count, lost_spans=spans)


def _open_since_ns(recording: Recording) -> int:
    """Time until which all was stored, by the last heartbeat of the attempt; 0 if there is none."""
    stage_run = recording.stage_run
    snapshot = snapshots.newest(stage_run.execution_id, stage_run.pk, recording.unit)
    if snapshot is None or snapshot.attempt != recording.attempt:
        return 0
    summaries = {agent.number: agent.recording for agent in snapshot.agents}
    summary = snapshot.recording if recording.agent is None else summaries.get(recording.agent)
    if summary is None:
        return 0
    return snapshot.sent_ns if summary.open_since_ns is None else summary.open_since_ns
