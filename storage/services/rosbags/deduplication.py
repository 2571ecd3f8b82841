"""Deduplication: content that is uploaded twice, even at the same moment, is stored as one rosbag."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from common.db.violations import is_duplicate
from common.tasks import enqueue_on_commit
from storage.choices import USABLE, Origin, Status
from storage.models import Rosbag
from storage.querysets import RosbagQuerySet

MAX_TRIES = 3
COMPLETE = USABLE | {Status.VERIFYING}


def find_same_content(digest: str, *, exclude: int | None = None) -> Rosbag | None:
    """Find the rosbag with this content that is usable, repaired, or awaiting verification.

    The digest may be that of its files, or of the archive they were uploaded in.
    """
    if not digest:
        return None
    rows = _same_content(digest) if exclude is None else _same_content(digest).exclude(pk=exclude)
    return rows.order_by("pk").first()


def verify_unless_duplicate(rosbag: Rosbag, digest: str, **fields: Any) -> bool:
    """Enqueue the verification of a rosbag whose files are complete.

    Args:
        rosbag: The rosbag, still uploading.
        digest: Digest of its content; empty when only verification can compute it.
        fields: Further fields to write with the new status.

    Returns:
        False when the upload was aborted in the meantime.

    Raises:
        SameContentError: Another rosbag has this content; nothing was written.
    """
    now = timezone.now()
    values = {
        **fields,
        "status": Status.VERIFYING,
        "content_digest": digest,
        "claimed_digest": digest or None,
        "enqueued_at": now,
        "lease_until": None,
        "attempts": 0,
        "updated_at": now,
    }
    uploading_row = Rosbag.objects.living().filter(pk=rosbag.pk, status=Status.UPLOADING)
    for _attempt in range(MAX_TRIES):
        if digest and rosbag.origin == Origin.UPLOADED and (existing := find_same_content(digest)):
            raise SameContentError(existing)
        if rosbag.origin != Origin.UPLOADED:
            values["claimed_digest"] = None  # two runs may record the same content
        try:
            with transaction.atomic():
                if not uploading_row.update(**values):
                    return False
                enqueue_on_commit("storage.tasks.verify_rosbag", rosbag.pk)
                return True
        except IntegrityError as error:
            if not is_duplicate(error, Rosbag, "claimed_digest"):
                raise
            _release_claim(digest)
    message = "the claim on a digest was neither free nor held"
    raise RuntimeError(message)


class SameContentError(Exception):
    """The content is stored already, as the rosbag `existing`."""

    def __init__(self, existing: Rosbag) -> None:
        super().__init__(str(existing.pk))
        self.existing = existing


def _same_content(digest: str) -> RosbagQuerySet:
    repaired = Q(status=Status.REPAIRED, repaired__deleted_at=None, repaired__status__in=USABLE)
    return (
        Rosbag.objects.living()
        .filter(Q(content_digest=digest) | Q(claimed_digest=digest))
        .filter(origin__in=(Origin.UPLOADED, Origin.REPAIRED))
        .filter(Q(status__in=COMPLETE) | repaired)
    )


def _release_claim(digest: str) -> None:
    """Release the claim of a rosbag that is no longer usable: deleted or rejected."""
    holders = Rosbag.objects.filter(claimed_digest=digest)
    holders.exclude(pk__in=_same_content(digest).values("pk")).update(claimed_digest=None)
