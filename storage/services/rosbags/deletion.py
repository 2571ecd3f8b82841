"""Deleting rosbags: first hidden, later removed with their objects."""

from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.services import audit
from storage.choices import Status
from storage.exceptions import RosbagInUseError, RosbagNotFoundError, UploadAbortedError
from storage.keys import derived_key, export_key, object_key
from storage.models import Rosbag
from storage.objects import object_store
from storage.services.rosbags import local_copies

log = structlog.get_logger(__name__)

Users = Callable[[Rosbag], list[str]]
"""Answers the names of those that still need a rosbag, such as templates."""

_users: list[Users] = []


def ask_before_deleting(users: Users) -> None:
    """Let an app above say who needs a rosbag; called once, when that app is ready."""
    if users not in _users:
        _users.append(users)


def delete(rosbag: Rosbag) -> None:
    """Hide a rosbag; its files stay until `purge`. Deleting twice is no error.

    Raises:
        RosbagInUseError: someone needs it; the sentence names them.
    """
    if names := [name for users in _users for name in users(rosbag)]:
        message = _("%(name)s is used by %(users)s: delete these first, or let them use another.")
        raise RosbagInUseError(message % {"name": rosbag.name, "users": ", ".join(names)})
    if deleted_at := Rosbag.objects.filter(pk=rosbag.pk).hide():
        audit.record_change(rosbag, deleted_at=(None, deleted_at))
    rosbag.refresh_from_db()


def restore(rosbag: Rosbag) -> None:
    """Bring a deleted rosbag back; one that was not deleted stays as it is.

    Raises:
        RosbagNotFoundError: it was purged meanwhile.
        UploadAbortedError: it never arrived, its parts are gone.
    """
    row = Rosbag.objects.filter(pk=rosbag.pk)
    if row.exclude(status=Status.UPLOADING).unhide():
        audit.record_change(rosbag, deleted_at=(rosbag.deleted_at, None))
    elif not row.exists():
        raise RosbagNotFoundError(_("This rosbag was removed for good: upload it again."))
    rosbag.refresh_from_db()
    if rosbag.status == Status.UPLOADING:
        message = _("This upload was given up before it was complete: upload the bag again.")
        raise UploadAbortedError(message)


def purge(older_than: timedelta) -> int:
    """Remove rosbags deleted longer ago than this, with their objects; the answer is how many.

    One that a row of another app still points at stays.
    """
    limit = timezone.now() - older_than
    removed = 0
    for rosbag in Rosbag.objects.filter(deleted_at__lt=limit).order_by("pk"):
        try:
            discard(rosbag)
        except ProtectedError:
            log.info("rosbag_kept", rosbag=rosbag.pk, reason="still referred to")
        else:
            removed += 1
    return removed


def discard(rosbag: Rosbag) -> None:
    """Remove a rosbag's row, then its uploads and objects.

    In this order, so that no row names objects that are gone; what a crash leaves in the storage is an
    orphan, which `check_storage --repair` removes.
    """
    uploads = list(rosbag.files.exclude(upload_id="").values_list("key", "upload_id"))
    uploading = rosbag.status == Status.UPLOADING
    prefixes = [object_key(rosbag.pk, ""), derived_key(rosbag.pk)]
    prefixes += [export_key(pk) for pk in rosbag.exports.values_list("pk", flat=True)]
    rosbag_id = rosbag.pk
    rosbag.delete()
    local_copies.forget(rosbag_id)
    store = object_store()
    if uploading:
        for key, upload_id in uploads:
            store.abort_upload(key, upload_id)
    for prefix in prefixes:
        store.delete([found.key for found in store.list(prefix)])
