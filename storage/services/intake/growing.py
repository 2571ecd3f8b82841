"""Rosbags that grow file by file while they are recorded.

The files are uploaded one after the other, each is joined as soon as its parts are stored, and metadata.yaml
is composed at the end, of the files that are there. Every step may be repeated, and by two at once.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from rosbag2.formats import qos
from rosbag2.formats.metadata import FILE_NAME, Topic
from rosbag2.writing.metadata_writer import RecordedFile, Recording, metadata_text
from storage.choices import Origin, Status
from storage.exceptions import FilesInvalidError, UploadIncompleteError
from storage.keys import object_key
from storage.models import MAX_NAME_LENGTH, Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import PartsDifferError
from storage.services.intake.assembly import FinishedUpload, require_parts
from storage.services.intake.parts import FilePlan, plan_missing_parts, stored_parts
from storage.services.intake.uploads import (
    NewFile,
    check_files,
    new_file_row,
    require_open,
    touch,
)
from storage.services.rosbags.deduplication import verify_unless_duplicate
from storage.services.rosbags.digest import content_digest
from storage.services.rosbags.files import store_file


@dataclass(frozen=True)
class RecordedTopic:
    """A recorded topic; QoS in the words of rosbag2."""

    name: str
    type: str
    type_hash: str
    qos: Mapping[str, Any]
    message_count: int


@dataclass(frozen=True)
class Contents:
    """Content of the metadata.yaml of a recording; files in the order of time."""

    files: Sequence[RecordedFile]
    topics: Sequence[RecordedTopic]
    ros_distro: str
    storage_id: str


__all__ = ["Contents", "RecordedFile", "RecordedTopic", "add", "begin", "complete", "finish"]


def begin(name: str, **fields: Any) -> Rosbag:
    """Create a rosbag that has no file yet."""
    return Rosbag.objects.create(
        name=name[:MAX_NAME_LENGTH],
        origin=Origin.RECORDED,
        status=Status.UPLOADING,
        in_parts=True,
        **fields,
    )


def add(rosbag: Rosbag, new: NewFile) -> FilePlan:
    """Add a file, unless it is there, and sign URLs of its missing parts.

    Raises:
        FilesInvalidError: Name, size or checksum are invalid, or differ from those given before.
        UploadClosedError: The rosbag is no longer being uploaded.
        StoreError: The storage is unavailable.
    """
    check_files([new])
    require_open(rosbag)
    touch(rosbag)
    row = new_file_row(rosbag, new)
    values = {name: getattr(row, name) for name in ("size", "sha256", "key", "upload_id")}
    file, _created = rosbag.files.get_or_create(path=new.path, defaults=values)
    if (file.size, file.sha256) != (new.size, new.sha256):
        message = _("%(file)s was offered before with another content: give it another name.")
        raise FilesInvalidError(message % {"file": new.path})
    return plan_missing_parts(file, stored_parts([file])[file.key], "unit")


def complete(rosbag: Rosbag, finished: FinishedUpload) -> int:
    """Join the parts of a file.

    Returns:
        Its size in bytes.

    Raises:
        UploadIncompleteError: It was not added, or parts are missing or differ.
        UploadClosedError: The rosbag is no longer being uploaded.
        StoreError: The storage is unavailable; call again.
    """
    require_open(rosbag)
    touch(rosbag)
    file = rosbag.files.filter(path=finished.path).first()
    if file is None:
        raise _incomplete(finished.path)
    if file.upload_id or not _is_stored(file):
        _join(file, finished)
    return file.size


def _join(file: RosbagFile, finished: FinishedUpload) -> None:
    require_parts([file], {finished.path: finished})
    stored = stored_parts([file])[file.key]
    store = object_store()
    with suppress(FileNotFoundError, PartsDifferError):
        if stored.parts:
            store.finish_upload(file.key, file.upload_id, list(stored.parts.values()))
    if not _is_stored(file):
        raise _incomplete(file.path)
    # From now on URLs that are still valid lead nowhere.
    RosbagFile.objects.filter(pk=file.pk).update(upload_id="")
    store.abort_uploads(file.key)  # a part that was stored as an object of its own


def _is_stored(file: RosbagFile) -> bool:
    stored = object_store().stat(file.key)
    return stored is not None and stored.size == file.size


def _incomplete(path: str) -> UploadIncompleteError:
    message = _("%(file)s is not stored: request upload URLs and send it again.")
    return UploadIncompleteError(message % {"file": path})


def stored_paths(rosbag: Rosbag) -> set[str]:
    """The files that the storage has with their size.

    A storage that was restored from a backup lacks those that were stored after it.

    Raises:
        StoreError: The storage is unavailable.
    """
    sizes = {item.key: item.size for item in object_store().list(object_key(rosbag.pk, ""))}
    return {file.path for file in rosbag.files.all() if sizes.get(file.key) == file.size}


def finish(rosbag: Rosbag, contents: Contents, lost_spans: Sequence[dict[str, Any]] = ()) -> None:
    """Compose metadata.yaml of the stored files, leave out the others, and enqueue the verification.

    Calling it again is no error.

    Args:
        rosbag: A rosbag that grew.
        contents: All of it, with at least one file.
        lost_spans: Of what was recorded and is not stored, as of `storage.choices.lost_sentence`.

    Raises:
        UploadClosedError: It was deleted.
        StoreError: The storage is unavailable; call again.
    """
    rosbag.refresh_from_db()
    if rosbag.status != Status.UPLOADING and rosbag.deleted_at is None:
        return
    require_open(rosbag)
    _leave_out_others(rosbag, {file.path for file in contents.files})
    metadata = store_file(rosbag, FILE_NAME, BytesIO(_metadata(contents).encode()))
    with transaction.atomic():
        values = {"size": metadata.size, "sha256": metadata.sha256, "key": metadata.key}
        rosbag.files.update_or_create(path=FILE_NAME, defaults=values)
        files = list(rosbag.files.all())
        digest = content_digest((file.path, file.sha256) for file in files)
        size = sum(file.size for file in files)
        verify_unless_duplicate(rosbag, digest, size=size, lost_spans=list(lost_spans))
    rosbag.refresh_from_db()


def _leave_out_others(rosbag: Rosbag, kept: set[str]) -> None:
    """Remove files that were never stored; the verification removes what is left of their uploads."""
    others = rosbag.files.exclude(path__in=[*kept, FILE_NAME])
    for key, upload_id in others.exclude(upload_id="").values_list("key", "upload_id"):
        object_store().abort_upload(key, upload_id)
    others.delete()


def _metadata(contents: Contents) -> str:
    return metadata_text(
        Recording(
            files=tuple(contents.files),
            topics=tuple((_topic(topic), topic.message_count) for topic in contents.topics),
            ros_distro=contents.ros_distro or "unknown",
            storage_id=contents.storage_id,
        )
    )


def _topic(topic: RecordedTopic) -> Topic:
    return Topic(
        topic.name,
        topic.type,
        offered_qos_profiles=qos.profile_text(**topic.qos),
        type_hash=topic.type_hash,
    )
