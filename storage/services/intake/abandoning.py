"""Uploads that end without a rosbag: hidden at once, their parts and objects removed, also after a kill.

An upload that is being abandoned has a lease until nothing of it is left in the storage: `common.recovery`
finds those whose process was killed meanwhile.
"""

from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from common.db import leases
from common.tasks import enqueue_on_commit
from storage.choices import Origin, Status
from storage.keys import object_key
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.base import StoreError
from storage.querysets import RosbagQuerySet
from storage.services.rosbags.deletion import use_checks
from storage.services.rosbags.files import delete_objects

log = structlog.get_logger(__name__)
STALE_AFTER = timedelta(days=1)


def abandon(rosbag: Rosbag, **fields: Any) -> bool:
    """Abort an upload: its parts are removed now, its row by the next purge. `fields` are written to the row.

    Returns:
        False when the rosbag is no longer being uploaded; it stays as it is.

    Raises:
        StoreError: The storage is unavailable; the upload stays open with its remaining parts.
    """
    now = timezone.now()
    rows = _hide(rosbag, now, leases.end(), **fields)
    if rows is None:
        return False
    try:
        _remove(rosbag)
    except StoreError:
        rows.filter(deleted_at=now).update(deleted_at=None, lease_until=None, updated_at=now)
        raise
    rows.update(lease_until=None)
    rosbag.refresh_from_db()
    return True


def abandon_unless_used(rosbag: Rosbag) -> bool:
    """Abort a stale upload, unless something uses it: a recording may hear nothing for days.

    Returns:
        Whether it was aborted; else it is not stale for another day.

    Raises:
        StoreError: The storage is unavailable.
    """
    if rosbag.deleted_at is None and use_checks.reason(rosbag):
        Rosbag.objects.filter(pk=rosbag.pk).update(enqueued_at=timezone.now())
        return False
    return abandon(rosbag)


def abandon_later(rosbag: Rosbag) -> None:
    """Abort an upload within a transaction: a worker removes its parts after the commit."""
    now = timezone.now()
    if _hide(rosbag, now, now) is not None:
        enqueue_on_commit("storage.tasks.abandon_upload", rosbag.pk)


def stale(older_than: timedelta = STALE_AFTER) -> RosbagQuerySet:
    """Uploads without activity for this long, and for longer than signed URLs are valid."""
    limit = timezone.now() - max(older_than, timedelta(seconds=settings.SIGNED_URL_SECONDS))
    return Rosbag.objects.uploading(limit)


def unfinished() -> RosbagQuerySet:
    """Uploads to abandon: stale ones, and what killed processes left: half abandoned, half imported."""
    is_import = Q(deleted_at=None, in_parts=False, origin=Origin.UPLOADED)
    left = Q(lease_until__isnull=False) & (Q(deleted_at__isnull=False) | is_import)
    return stale() | Rosbag.objects.filter(left, status=Status.UPLOADING)


def abandon_stale() -> int:
    """Abort stale uploads; one that fails is left for the next run.

    Returns:
        The number of aborted uploads.
    """
    aborted = 0
    for rosbag in list(stale()):
        try:
            aborted += abandon_unless_used(rosbag)
        except StoreError as error:
            log.warning("upload_not_abandoned", rosbag=rosbag.pk, error=str(error))
    return aborted


def _hide(rosbag: Rosbag, now: Any, until: Any, **fields: Any) -> RosbagQuerySet | None:
    """Hide an upload and lease it; None when the rosbag is no longer being uploaded."""
    rows = Rosbag.objects.filter(pk=rosbag.pk, status=Status.UPLOADING)
    hidden = rows.update(
        **fields,
        deleted_at=Coalesce(F("deleted_at"), Value(now)),
        lease_until=until,
        updated_at=now,
    )
    return rows if hidden else None


def _remove(rosbag: Rosbag) -> None:
    store = object_store()
    for key, upload_id in rosbag.files.exclude(upload_id="").values_list("key", "upload_id"):
        store.abort_upload(key, upload_id)
    store.abort_uploads(object_key(rosbag.pk, ""))
    delete_objects(object_key(rosbag.pk, ""))
