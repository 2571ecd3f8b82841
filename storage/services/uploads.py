"""Bundles that come in parts, from a unit or a browser, straight to the storage."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from storage.choices import Origin, Status
from storage.client import object_store
from storage.client.base import Audience, UploadedPart
from storage.exceptions import FilesInvalidError, UploadClosedError, UploadIncompleteError
from storage.keys import object_key
from storage.models import Rosbag, RosbagFile
from storage.services.deletion import discard
from storage.services.digest import content_digest
from storage.services.intake import LONGEST_NAME, check_paths
from storage.services.upload_parts import FilePlan, part_sizes, plan, stored_parts

LARGEST_FILE = 5 * 2**40
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class NewFile:
    """A file to come; size in bytes, sha256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class FinishedUpload:
    """The parts of a file with their ETags; those that the storage lists itself may be left out."""

    path: str
    upload_id: str
    parts: Sequence[UploadedPart]


def begin(name: str, files: Sequence[NewFile], *, origin: Origin, created_by: Any = None) -> Rosbag:
    """Open an upload for each file of a new rosbag.

    Raises:
        FilesInvalidError: a name, size or checksum that no bundle can have.
        StoreError: the storage is away; nothing stays behind.
    """
    check_paths([file.path for file in files])
    _check_files(files)
    rosbag = Rosbag.objects.create(
        name=name[:LONGEST_NAME],
        origin=origin,
        status=Status.UPLOADING,
        created_by=created_by,
        size=sum(file.size for file in files),
    )
    try:
        for file in files:
            _open(rosbag, file)
    except BaseException:
        discard(rosbag)
        raise
    return rosbag


def addresses(rosbag: Rosbag, *, audience: Audience) -> list[FilePlan]:
    """Signed addresses of the parts that are not stored yet; ask again when they have expired.

    Raises:
        UploadClosedError: the rosbag is no longer being uploaded.
        StoreError: the storage is away.
    """
    _require_open(rosbag)
    return [plan(file, audience) for file in rosbag.files.all()]


def complete(rosbag: Rosbag, files: Iterable[FinishedUpload]) -> Rosbag:
    """Join the parts of every file; the rosbag then awaits verification. Twice is no error.

    Raises:
        UploadIncompleteError: parts are missing or a file has another size than declared.
        UploadClosedError: the upload was abandoned.
        StoreError: the storage is away; call again.
    """
    rosbag.refresh_from_db()
    if rosbag.status != Status.UPLOADING and rosbag.deleted_at is None:
        return rosbag
    _require_open(rosbag)
    named = {finished.path: finished for finished in files}
    stored = list(rosbag.files.all())
    for file in stored:
        if file.size:
            _finish(file, named.get(file.path))
    digest = content_digest((file.path, file.sha256) for file in stored)
    now = timezone.now()
    Rosbag.objects.living().filter(pk=rosbag.pk, status=Status.UPLOADING).update(
        status=Status.VERIFYING, enqueued_at=now, content_digest=digest, updated_at=now
    )
    rosbag.refresh_from_db()
    if rosbag.deleted_at is not None:
        _require_open(rosbag)
    return rosbag


def abandon(rosbag: Rosbag) -> None:
    """Give an upload up: its parts are removed now, the row goes with the next purge.

    A rosbag that is no longer being uploaded is left as it is.
    """
    now = timezone.now()
    uploading = Rosbag.objects.filter(pk=rosbag.pk, status=Status.UPLOADING)
    if not uploading.update(deleted_at=now, updated_at=now):
        return
    store = object_store()
    for file in rosbag.files.all():
        if file.upload_id:
            store.abort_upload(file.key, file.upload_id)
        store.delete([file.key])
    rosbag.refresh_from_db()


def abandon_stale(older_than: timedelta) -> int:
    """Give up uploads begun longer ago than this; the answer is how many."""
    limit = timezone.now() - older_than
    stale = Rosbag.objects.living().filter(status=Status.UPLOADING, created_at__lt=limit)
    rosbags = list(stale)
    for rosbag in rosbags:
        abandon(rosbag)
    return len(rosbags)


def _check_files(files: Sequence[NewFile]) -> None:
    detail = _("Give the size in bytes and the SHA-256 as 64 hexadecimal digits.")
    errors = [
        {"pointer": f"/files/{index}", "detail": detail, "code": "FILE_INVALID"}
        for index, file in enumerate(files)
        if not 0 <= file.size <= LARGEST_FILE or not SHA256.fullmatch(file.sha256)
    ]
    if errors:
        message = _("%(count)d files have no proper size or checksum.")
        raise FilesInvalidError(message % {"count": len(errors)}, errors)


def _open(rosbag: Rosbag, file: NewFile) -> None:
    key = object_key(rosbag.pk, file.path)
    store = object_store()
    upload_id = ""
    if file.size:
        upload_id = store.start_upload(key)
    else:
        # S3 knows no upload without parts.
        store.put(key, BytesIO())
    RosbagFile.objects.create(
        rosbag=rosbag,
        path=file.path,
        size=file.size,
        sha256=file.sha256,
        key=key,
        upload_id=upload_id,
    )


def _require_open(rosbag: Rosbag) -> None:
    if rosbag.status != Status.UPLOADING or rosbag.deleted_at is not None:
        raise UploadClosedError(_("This upload has ended: begin a new one."))


def _finish(file: RosbagFile, named: FinishedUpload | None) -> None:
    store = object_store()
    stored = stored_parts(file)
    if stored is not None:
        if named is not None and named.upload_id == file.upload_id:
            stored |= {part.number: part for part in named.parts}
        missing = set(range(1, len(part_sizes(file.size)) + 1)) - set(stored)
        if missing:
            raise _incomplete(file, _("%(count)d parts are missing") % {"count": len(missing)})
        store.finish_upload(file.key, file.upload_id, list(stored.values()))
    found = store.stat(file.key)
    if found is None:
        raise _incomplete(file, _("it is not there"))
    if found.size != file.size:
        store.delete([file.key])
        reason = _("it has %(found)d bytes, declared were %(size)d")
        raise _incomplete(file, reason % {"found": found.size, "size": file.size})


def _incomplete(file: RosbagFile, reason: str) -> UploadIncompleteError:
    message = _(
        "%(path)s is not complete (%(reason)s): ask for addresses and send what is missing."
    )
    return UploadIncompleteError(
        message % {"path": file.path, "reason": reason},
        [{"pointer": f"/files/{file.path}", "detail": reason, "code": "FILE_INCOMPLETE"}],
    )
