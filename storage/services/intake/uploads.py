"""Multipart uploads of bundles, from a unit or a browser straight to the storage."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from common.exceptions import FieldError
from storage.choices import Origin, Status
from storage.exceptions import FilesInvalidError, UploadClosedError
from storage.keys import object_key
from storage.models import MAX_NAME_LENGTH, Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import Audience
from storage.services.intake.assembly import FinishedUpload, require_parts
from storage.services.intake.bundle_paths import check_paths
from storage.services.intake.parts import FilePlan, part_count, plan_missing_parts, stored_parts
from storage.services.rosbags.deduplication import verify_unless_duplicate
from storage.services.rosbags.digest import content_digest

__all__ = ["FinishedUpload", "NewFile", "begin", "complete", "sign_part_urls"]

MAX_FILE_BYTES = 5 * 2**40
SHA256 = re.compile(r"[0-9a-f]{64}|")


@dataclass(frozen=True)
class NewFile:
    """A file to upload; size in bytes, sha256 in hex or empty (verification computes it)."""

    path: str
    size: int
    sha256: str


def begin(name: str, files: Sequence[NewFile], *, origin: Origin, **fields: Any) -> Rosbag:
    """Create a rosbag for files to upload, all rows in one transaction.

    Nothing is done in the storage: the upload of a file of several parts is opened when its URLs are
    first requested, so that no kill leaves one that nobody knows.

    Raises:
        FilesInvalidError: A name, size or checksum is invalid.
    """
    check_paths([file.path for file in files])
    check_files(files)
    with transaction.atomic():
        rosbag = Rosbag.objects.create(
            name=name[:MAX_NAME_LENGTH],
            origin=origin,
            status=Status.UPLOADING,
            size=sum(file.size for file in files),
            in_parts=True,
            **fields,
        )
        rows = [new_file_row(rosbag, file) for file in files]
        RosbagFile.objects.bulk_create(rows, batch_size=500)
    return rosbag


def new_file_row(rosbag: Rosbag, file: NewFile) -> RosbagFile:
    """The row of a file to upload, not saved yet."""
    return RosbagFile(
        rosbag=rosbag,
        path=file.path,
        size=file.size,
        sha256=file.sha256,
        key=object_key(rosbag.pk, file.path),
        upload_id="" if part_count(file.size) > 1 else object_store().name_upload(),
    )


def sign_part_urls(rosbag: Rosbag, *, audience: Audience) -> list[FilePlan]:
    """Sign URLs of the missing parts of all files; call again when they have expired.

    Raises:
        UploadClosedError: The rosbag is no longer being uploaded.
        StoreError: The storage is unavailable.
    """
    require_open(rosbag)
    touch(rosbag)
    files = list(rosbag.files.all())
    stored = stored_parts(files)
    return [plan_missing_parts(file, stored[file.key], audience) for file in files]


def touch(rosbag: Rosbag) -> None:
    """Mark an upload as active, so that it does not become stale for another day."""
    Rosbag.objects.filter(pk=rosbag.pk).update(enqueued_at=timezone.now())


def complete(rosbag: Rosbag, files: Iterable[FinishedUpload]) -> Rosbag:
    """Enqueue the verification, which joins the parts of every file. Calling it twice is no error.

    Raises:
        UploadIncompleteError: Parts are missing or differ.
        UploadClosedError: The upload was aborted.
        SameContentError: The content is stored already; the caller should abort this upload.
        StoreError: The storage is unavailable; call again.
    """
    rosbag.refresh_from_db()
    if rosbag.status != Status.UPLOADING and rosbag.deleted_at is None:
        return rosbag
    require_open(rosbag)
    finished_by_path = {finished.path: finished for finished in files}
    stored = list(rosbag.files.all())
    require_parts(stored, finished_by_path)
    has_checksums = all(file.sha256 for file in stored)
    digest = content_digest((file.path, file.sha256) for file in stored) if has_checksums else ""
    accepted = verify_unless_duplicate(rosbag, digest)
    rosbag.refresh_from_db()
    if not accepted and rosbag.deleted_at is not None:
        require_open(rosbag)
    return rosbag


def check_files(files: Sequence[NewFile]) -> None:
    """Refuse sizes and checksums that no file has.

    Raises:
        FilesInvalidError: `errors` points at each such file.
    """
    detail = _("Give the size in bytes and the SHA-256 as 64 hexadecimal digits.")
    errors = [
        FieldError(f"/files/{index}", detail, "FILE_INVALID")
        for index, file in enumerate(files)
        if not 0 <= file.size <= MAX_FILE_BYTES or not SHA256.fullmatch(file.sha256)
    ]
    if errors:
        message = _("%(count)d files have an invalid size or checksum.")
        raise FilesInvalidError(message % {"count": len(errors)}, errors)


def require_open(rosbag: Rosbag) -> None:
    """Refuse an upload that has ended.

    Raises:
        UploadClosedError: It was completed or aborted.
    """
    if rosbag.status != Status.UPLOADING or rosbag.deleted_at is not None:
        raise UploadClosedError(_("This upload has ended: start a new one."))
