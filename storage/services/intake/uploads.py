"""Bundles that come in parts, from a unit or a browser, straight to the storage."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from common.exceptions import FieldError
from storage.choices import Origin, Status
from storage.exceptions import FilesInvalidError, UploadClosedError
from storage.keys import object_key
from storage.models import MAX_NAME_LENGTH, Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import Audience, StoreError
from storage.querysets import RosbagQuerySet
from storage.services.intake.assembly import FinishedUpload, join, ready_parts
from storage.services.intake.imports import check_paths
from storage.services.intake.parts import FilePlan, plan
from storage.services.rosbags.deduplication import settle
from storage.services.rosbags.deletion import discard
from storage.services.rosbags.digest import content_digest

__all__ = ["FinishedUpload", "NewFile", "abandon", "addresses", "begin", "complete"]

log = structlog.get_logger(__name__)
STALE = timedelta(days=1)
LARGEST_FILE = 5 * 2**40
SHA256 = re.compile(r"[0-9a-f]{64}|")


@dataclass(frozen=True)
class NewFile:
    """A file to come; size in bytes, sha256 in hex or empty: then it is taken at verification."""

    path: str
    size: int
    sha256: str


def begin(
    name: str,
    files: Sequence[NewFile],
    *,
    origin: Origin,
    created_by: Any = None,
    at_once: bool = True,
) -> Rosbag:
    """Open an upload for each file of a new rosbag; unless `at_once`, when its addresses are asked for.

    Raises:
        FilesInvalidError: a name, size or checksum that no bundle can have.
        StoreError: the storage is away; nothing stays behind.
    """
    check_paths([file.path for file in files])
    _check_files(files)
    rosbag = Rosbag.objects.create(
        name=name[:MAX_NAME_LENGTH],
        origin=origin,
        status=Status.UPLOADING,
        created_by=created_by,
        size=sum(file.size for file in files),
        in_parts=True,
    )
    try:
        RosbagFile.objects.bulk_create(
            [_open(rosbag, file, at_once=at_once) for file in files], batch_size=500
        )
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
    require_open(rosbag)
    touch(rosbag)
    return [plan(file, audience) for file in rosbag.files.all()]


def touch(rosbag: Rosbag) -> None:
    """Note that somebody goes on with an upload: it is not stale for another day."""
    Rosbag.objects.filter(pk=rosbag.pk).update(enqueued_at=timezone.now())


def complete(rosbag: Rosbag, files: Iterable[FinishedUpload]) -> Rosbag:
    """Join the parts of every file; the rosbag then awaits verification. Twice is no error.

    Raises:
        UploadIncompleteError: parts are missing or differ; nothing was joined unless all were there.
        UploadClosedError: the upload was abandoned.
        SameContentError: what was uploaded is there already; this upload awaits being given up.
        StoreError: the storage is away; call again.
    """
    rosbag.refresh_from_db()
    if rosbag.status != Status.UPLOADING and rosbag.deleted_at is None:
        return rosbag
    require_open(rosbag)
    named = {finished.path: finished for finished in files}
    stored = list(rosbag.files.all())
    for file, parts in ready_parts(stored, named):
        join(file, parts)
    known = all(file.sha256 for file in stored)
    digest = content_digest((file.path, file.sha256) for file in stored) if known else ""
    settled = settle(rosbag, digest)
    rosbag.refresh_from_db()
    if not settled and rosbag.deleted_at is not None:
        object_store().delete([file.key for file in stored])
        require_open(rosbag)
    return rosbag


def abandon(rosbag: Rosbag) -> bool:
    """Give an upload up: its parts are removed now, the row goes with the next purge.

    A rosbag that is no longer being uploaded is left as it is (False).

    Raises:
        StoreError: the storage is away; the upload is open as before, with the parts that are left.
    """
    rows = Rosbag.objects.filter(pk=rosbag.pk, status=Status.UPLOADING)
    deleted_at = rows.hide()
    if not rows.exists():
        return False
    store = object_store()
    try:
        for file in rosbag.files.all():
            if file.upload_id:
                store.abort_upload(file.key, file.upload_id)
            store.delete([file.key])
    except StoreError:
        if deleted_at:
            rows.filter(deleted_at=deleted_at).unhide()
        raise
    rosbag.refresh_from_db()
    return True


def stale(older_than: timedelta = STALE) -> RosbagQuerySet:
    """Uploads in parts that nobody went on with for so long, nor for as long as addresses hold."""
    limit = timezone.now() - max(older_than, timedelta(seconds=settings.SIGNED_URL_SECONDS))
    return Rosbag.objects.uploading(limit)


def abandon_stale() -> int:
    """Give up those uploads; the answer is how many. One that fails is left for the next time."""
    done = 0
    for rosbag in list(stale()):
        try:
            done += abandon(rosbag)
        except StoreError as error:
            log.warning("upload_not_abandoned", rosbag=rosbag.pk, error=str(error))
    return done


def _check_files(files: Sequence[NewFile]) -> None:
    detail = _("Give the size in bytes and the SHA-256 as 64 hexadecimal digits.")
    errors = [
        FieldError(f"/files/{index}", detail, "FILE_INVALID")
        for index, file in enumerate(files)
        if not 0 <= file.size <= LARGEST_FILE or not SHA256.fullmatch(file.sha256)
    ]
    if errors:
        message = _("%(count)d files have no proper size or checksum.")
        raise FilesInvalidError(message % {"count": len(errors)}, errors)


def _open(rosbag: Rosbag, file: NewFile, *, at_once: bool) -> RosbagFile:
    key = object_key(rosbag.pk, file.path)
    store = object_store()
    upload_id = ""
    if not file.size:
        # S3 knows no upload without parts.
        store.put(key, BytesIO())
    elif at_once:
        upload_id = store.start_upload(key)
    return RosbagFile(
        rosbag=rosbag,
        path=file.path,
        size=file.size,
        sha256=file.sha256,
        key=key,
        upload_id=upload_id,
    )


def require_open(rosbag: Rosbag) -> None:
    """Refuse what has ended (UploadClosedError)."""
    if rosbag.status != Status.UPLOADING or rosbag.deleted_at is not None:
        raise UploadClosedError(_("This upload has ended: begin a new one."))
