"""Uploads of recordings by units: segment after segment while the run goes on, and their end.

Every call may be repeated, and by two at once. The rows of a recording are changed behind an update of it, so
that a segment is stored before the recording is closed, or refused.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from agent.protocol import (
    FileUpload,
    PartAddress,
    RecordingClosed,
    RecordingUpload,
    SegmentComplete,
    SegmentOffer,
)
from simulations.choices import RECORDING_GROWING, RecordingStatus
from simulations.exceptions import SegmentsMissingError, SupersededError, UnitRefusedError
from simulations.models import Recording, RecordingSegment
from simulations.services.runs import recording_contents
from simulations.services.runs.registration import newest_attempt
from storage.models import Rosbag
from storage.objects.base import UploadedPart
from storage.services.intake import growing
from storage.services.intake.assembly import FinishedUpload, format_ranges
from storage.services.intake.parts import FilePlan
from storage.services.intake.uploads import NewFile, check_files

MAX_MESSAGES = 2**53
"""Of one segment, as no more can be summed up."""
MAX_SEGMENTS = 9_999
"""Of one recording; with metadata.yaml they are the files of a bundle."""


def offer(execution_id: int, message: SegmentOffer) -> RecordingUpload:
    """Open the upload of a closed segment; a repeated call returns new signed URLs.

    Raises:
        SupersededError: A newer attempt has taken over.
        UnitRefusedError: No such segment is expected, it was offered otherwise, or the recording is closed.
        FilesInvalidError: Size or checksum are invalid.
        StoreError: The storage is unreachable; the unit keeps the segment and tries again.
    """
    recording = _recording_of(execution_id, message)
    _require_valid(recording, message)
    segment = _row(recording, message)
    rosbag, stored = _add(recording, segment)
    files: tuple[FileUpload, ...] = ()
    if not stored:
        files = (_upload(growing.add(rosbag, _new_file(message))),)
    return RecordingUpload(recording=recording.pk, files=files)


def complete(execution_id: int, message: SegmentComplete) -> Recording:
    """Store a segment, all parts of which are uploaded.

    Raises:
        SupersededError: A newer attempt has taken over.
        UnitRefusedError: The segment was not offered, or the recording is closed.
        UploadIncompleteError: Parts are missing or differ.
        StoreError: The storage is unreachable; the unit tries again.
    """
    recording = _recording_of(execution_id, message)
    segment = recording.segments.filter(number=message.segment).first()
    path = _file_name(recording, message.segment)
    if segment is None or recording.rosbag is None or message.file.path != path:
        raise UnitRefusedError(_("This segment was not offered."))
    if segment.stored:
        return recording
    parts = [UploadedPart(number=part.number, etag=part.etag) for part in message.file.parts]
    growing.complete(recording.rosbag, FinishedUpload(path, message.file.upload_id, parts))
    with transaction.atomic():
        _lock_growing(recording)
        RecordingSegment.objects.filter(pk=segment.pk).update(stored=True)
    return recording


def close(execution_id: int, message: RecordingClosed) -> Recording:
    """Close a recording, all segments of which are stored; its rosbag is then verified.

    Raises:
        SupersededError: A newer attempt has taken over.
        UnitRefusedError: No recording is expected.
        SegmentsMissingError: Segments are not stored; the unit offers them again.
        StoreError: The storage is unreachable; the unit tries again.
    """
    recording = _recording_of(execution_id, message)
    if recording.status in RECORDING_GROWING:
        _require_segments(recording, message.segments)
        counts = {"message_count": message.message_count, "dropped": message.dropped}
        recording_contents.seal(recording, lost_spans=[], **counts)
    recording_contents.compose(recording)
    return recording


def _recording_of(
    execution_id: int, message: SegmentOffer | SegmentComplete | RecordingClosed
) -> Recording:
    """The recording of the current attempt, with its execution."""
    current = newest_attempt(execution_id, message.stage_run, message.unit)
    if message.attempt != current.attempt:
        raise SupersededError(_("A newer attempt of this unit has taken over."))
    own = {"unit": message.unit, "agent": message.agent, "attempt": message.attempt}
    rows = Recording.objects.select_related("rosbag")
    recording = rows.filter(stage_run=current.stage_run, **own).first()
    if recording is None:
        raise UnitRefusedError(_("No recording is expected of this unit."))
    recording.stage_run = current.stage_run
    return recording


def _require_valid(recording: Recording, message: SegmentOffer) -> None:
    """Refuse what no recorder offers: the unit may be anybody's program."""
    name = _file_name(recording, message.segment)
    if not 0 <= message.segment < MAX_SEGMENTS or message.file.path != name:
        message_text = _("The name of a segment says its attempt and number, such as %(name)s.")
        raise UnitRefusedError(message_text % {"name": name})
    if (
        message.file.size < 1
        or not message.file.sha256
        or not 0 < sum(message.topics.values()) <= MAX_MESSAGES
    ):
        raise UnitRefusedError(_("A segment has a size, a checksum and messages."))
    check_files([_new_file(message)])
    if message.first_ns > message.last_ns:
        raise UnitRefusedError(_("A segment begins before it ends."))
    if not message.topics.keys() <= set(recording.topics):
        raise UnitRefusedError(_("A segment has only topics that are expected."))


def _new_file(message: SegmentOffer) -> NewFile:
    return NewFile(message.file.path, message.file.size, message.file.sha256)


def _file_name(recording: Recording, number: int) -> str:
    storage = recording_contents.stage_of(recording).record_storage
    return recording_contents.file_name(recording, number, storage)


def _row(recording: Recording, message: SegmentOffer) -> RecordingSegment:
    return RecordingSegment(
        recording=recording,
        number=message.segment,
        size=message.file.size,
        first_ns=message.first_ns,
        last_ns=message.last_ns,
        message_count=sum(message.topics.values()),
        counts=[message.topics.get(topic, 0) for topic in recording.topics],
    )


SAME = ("size", "first_ns", "last_ns", "message_count", "counts")


def _add(recording: Recording, segment: RecordingSegment) -> tuple[Rosbag, bool]:
    """Add a segment, unless it was offered before, with the rosbag of the first one.

    Returns:
        The rosbag, and whether the segment is stored.
    """
    with transaction.atomic():
        before = recording.segments.filter(number=segment.number).first()
        if before is None or not before.stored:
            _lock_growing(recording, status=RecordingStatus.UPLOADING)
        values = {name: getattr(segment, name) for name in SAME}
        row, _created = recording.segments.get_or_create(number=segment.number, defaults=values)
        if any(getattr(row, name) != value for name, value in values.items()):
            raise UnitRefusedError(_("This segment was offered before with another content."))
        recording.refresh_from_db(fields=["rosbag"])
        if recording.rosbag is None:
            _begin_rosbag(recording)
    if recording.rosbag is None:
        raise UnitRefusedError(_("The rosbag of this recording was deleted."))
    return recording.rosbag, row.stored


def _begin_rosbag(recording: Recording) -> None:
    execution = recording.stage_run.execution
    recording.rosbag = growing.begin(
        recording_contents.rosbag_name(recording), created_by=execution.requested_by
    )
    Recording.objects.filter(pk=recording.pk).update(rosbag=recording.rosbag)


def _lock_growing(recording: Recording, **fields: str) -> None:
    """Check that a recording grows, and lock it within a transaction.

    Raises:
        UnitRefusedError: It is closed.
    """
    rows = Recording.objects.filter(pk=recording.pk, status__in=RECORDING_GROWING)
    if not rows.update(updated_at=timezone.now(), **fields):
        raise UnitRefusedError(_("This recording is closed: it accepts no more uploads."))


def _require_segments(recording: Recording, count: int) -> None:
    stored = set(recording.segments.filter(stored=True).values_list("number", flat=True))
    if not 0 <= count <= MAX_SEGMENTS or any(number >= count for number in stored):
        raise UnitRefusedError(_("The recording has another number of segments."))
    if missing := sorted(set(range(count)) - stored):
        message = _("Segments are not stored (%(numbers)s): offer them again.")
        raise SegmentsMissingError(message % {"numbers": format_ranges(missing)})


def _upload(plan: FilePlan) -> FileUpload:
    parts = (PartAddress(number=p.number, url=p.url, size=p.size) for p in plan.parts)
    return FileUpload(path=plan.path, upload_id=plan.upload_id, parts=tuple(parts))
