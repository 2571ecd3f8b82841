"""Uploads of recordings by units."""

from django.db import transaction
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
    RecordingStatus,
)
from simulations.exceptions import SupersededError, UnitRefusedError
from simulations.models import Recording
from simulations.services.runs.registration import UnitAttempt, newest_attempt
from storage.choices import Origin, Status
from storage.models import Rosbag
from storage.objects.base import UploadedPart
from storage.services.intake import uploads
from storage.services.intake.abandoning import abandon_later


def offer(execution_id: int, message: RecordingOffer) -> RecordingUpload:
    """Open the upload of a finished recording; a repeated call returns new signed URLs.

    Raises:
        SupersededError: A newer attempt has taken over.
        UnitRefusedError: No recording is expected, or it is closed already.
        StoreError: The storage is unreachable; the unit keeps the recording and tries again.
    """
    current = _current_attempt(execution_id, message)
    recording = _recording_of(current)
    rosbag = recording.rosbag
    if rosbag is None or recording.attempt != message.attempt or not message.files:
        rosbag = _replace_offer(current, recording, message)
    if rosbag is None or rosbag.status != Status.UPLOADING:
        return RecordingUpload(recording=recording.pk, files=())
    return RecordingUpload(
        recording=recording.pk,
        files=tuple(
            FileUpload(
                path=upload.path,
                upload_id=upload.upload_id,
                parts=tuple(
                    PartAddress(number=part.number, url=part.url, size=part.size)
                    for part in upload.parts
                ),
            )
            for upload in uploads.sign_part_urls(rosbag, audience="unit")
        ),
    )


def complete(execution_id: int, message: RecordingComplete) -> Rosbag:
    """Complete an upload, so that the rosbag is verified; may be repeated.

    Raises:
        SupersededError: A newer attempt has taken over.
        UnitRefusedError: This recording was not offered.
    """
    current = _current_attempt(execution_id, message)
    recording = _recording_of(current)
    if recording.pk != message.recording or recording.rosbag is None:
        raise UnitRefusedError(_("This recording was not offered."))
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


def _current_attempt(execution_id: int, message: RecordingOffer | RecordingComplete) -> UnitAttempt:
    newest = newest_attempt(execution_id, message.stage_run, message.unit)
    if message.attempt != newest.attempt:
        raise SupersededError(_("A newer attempt of this unit has taken over."))
    return newest


def _recording_of(current: UnitAttempt) -> Recording:
    recording = (
        Recording.objects.select_related("rosbag")
        .filter(stage_run=current.stage_run, unit=current.unit)
        .first()
    )
    if recording is None:
        raise UnitRefusedError(_("No recording is expected of this unit."))
    return recording


def _replace_offer(
    current: UnitAttempt, recording: Recording, message: RecordingOffer
) -> Rosbag | None:
    """Replace the offer of an earlier attempt; of two simultaneous offers the first one stays valid.

    All of it is one transaction: a kill leaves no rosbag that belongs to no recording.

    Returns:
        The rosbag of the valid offer; None for an empty recording.

    Raises:
        UnitRefusedError: The recording is closed already.
    """
    rows = Recording.objects.filter(pk=recording.pk, status__in=RECORDING_OPEN)
    with transaction.atomic():
        rosbag = _begin(current, message) if message.files else None
        status = RecordingStatus.UPLOADING if message.files else RecordingStatus.VERIFYING
        replaced = rows.filter(rosbag=recording.rosbag_id, attempt=recording.attempt).update(
            rosbag=rosbag,
            attempt=message.attempt,
            status=status,
            message_count=message.message_count,
            dropped=message.dropped,
            updated_at=timezone.now(),
        )
        if replaced:
            if recording.rosbag is not None:
                abandon_later(recording.rosbag)
            return rosbag
        transaction.set_rollback(True)
    first = rows.filter(attempt=message.attempt).select_related("rosbag").first()
    if first is None:
        raise UnitRefusedError(_("This recording is closed: it accepts no more uploads."))
    return first.rosbag


def _begin(current: UnitAttempt, message: RecordingOffer) -> Rosbag:
    stage_run, execution = current.stage_run, current.stage_run.execution
    return uploads.begin(
        f"{execution.simulation.name} {execution.number}, {stage_run.position}-{current.unit}",
        [uploads.NewFile(file.path, file.size, file.sha256) for file in message.files],
        origin=Origin.RECORDED,
        created_by=execution.requested_by,
    )
