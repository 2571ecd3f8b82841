"""Deleting rosbags: first hidden, later removed with their objects."""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.services import audit
from common.in_use import UseChecks
from storage.choices import Status
from storage.exceptions import RosbagInUseError, RosbagNotFoundError, UploadAbortedError
from storage.keys import export_key, object_key, preview_key
from storage.models import Rosbag
from storage.objects import object_store
from storage.services.rosbags import local_copies
from storage.services.rosbags.files import delete_objects

log = structlog.get_logger(__name__)

use_checks = UseChecks[Rosbag]()


def delete(rosbag: Rosbag) -> None:
    """Soft-delete a rosbag; its files stay until `purge`. Deleting twice is no error.

    Raises:
        RosbagInUseError: It is in use; the message names the users.
    """
    with transaction.atomic():
        rows = Rosbag.objects.filter(pk=rosbag.pk)
        rows.lock()  # what starts to use it meanwhile waits, or is seen here
        if reason := use_checks.reason(rosbag):
            raise RosbagInUseError(reason)
        if deleted_at := rows.hide():
            audit.record_change(rosbag, deleted_at=(None, deleted_at))
    rosbag.refresh_from_db()


def restore(rosbag: Rosbag) -> None:
    """Restore a deleted rosbag; one that is not deleted stays as it is.

    Raises:
        RosbagNotFoundError: It was purged in the meantime.
        UploadAbortedError: Its upload was never completed and the parts are deleted.
    """
    row = Rosbag.objects.filter(pk=rosbag.pk)
    if row.exclude(status=Status.UPLOADING).unhide():
        audit.record_change(rosbag, deleted_at=(rosbag.deleted_at, None))
    elif not row.exists():
        raise RosbagNotFoundError(_("This rosbag was permanently deleted: upload it again."))
    rosbag.refresh_from_db()
    if rosbag.status == Status.UPLOADING:
        message = _("This upload was aborted before it was complete: upload the bag again.")
        raise UploadAbortedError(message)


def purge(older_than: timedelta) -> int:
    """Remove rosbags deleted longer ago than this, with their objects.

    A rosbag that a protected foreign key refers to, or an execution plays, is skipped.

    Returns:
        The number of removed rosbags.
    """
    limit = timezone.now() - older_than
    removed = 0
    for rosbag in Rosbag.objects.filter(deleted_at__lt=limit).order_by("pk"):
        removed += discard_unused(rosbag)
    return removed


def discard_unused(rosbag: Rosbag) -> bool:
    """Remove a rosbag with its objects, unless something uses it.

    Returns:
        Whether it was removed.
    """
    try:
        if use_checks.reason(rosbag):
            raise RosbagInUseError
        discard(rosbag)
    except (ProtectedError, RosbagInUseError):
        log.info("rosbag_kept", rosbag=rosbag.pk, reason="still referred to")
        return False
    return True


def discard(rosbag: Rosbag) -> None:
    """Remove a rosbag's row, then its uploads and objects.

    In this order no row ever refers to deleted objects; objects left by a crash are orphans, which
    `check_storage --repair` removes.
    """
    uploads = list(rosbag.files.exclude(upload_id="").values_list("key", "upload_id"))
    uploading = rosbag.status == Status.UPLOADING
    prefixes = [object_key(rosbag.pk, ""), preview_key(rosbag.pk)]
    prefixes += [export_key(pk) for pk in rosbag.exports.values_list("pk", flat=True)]
    rosbag_id = rosbag.pk
    rosbag.delete()
    local_copies.remove_copies(rosbag_id)
    if uploading:
        store = object_store()
        for key, upload_id in uploads:
            store.abort_upload(key, upload_id)
        store.abort_uploads(prefixes[0])
    for prefix in prefixes:
        delete_objects(prefix)
