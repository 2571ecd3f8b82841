"""The same content twice is one rosbag, also when both come at the same moment."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from common.tasks import enqueue_on_commit
from storage.choices import USABLE, Origin, Status
from storage.models import Rosbag
from storage.querysets import RosbagQuerySet

TRIES = 3
ARRIVED = USABLE | {Status.VERIFYING}


def find(digest: str, *, besides: int | None = None) -> Rosbag | None:
    """The rosbag with this content that can be used, was repaired, or is about to be verified.

    The digest may be that of its files, or of the archive that they came in.
    """
    if not digest:
        return None
    same = _same(digest) if besides is None else _same(digest).exclude(pk=besides)
    return same.order_by("pk").first()


def settle(rosbag: Rosbag, digest: str, **fields: Any) -> bool:
    """Have a rosbag verified whose files have arrived; False when it was given up meanwhile.

    `fields` are written with it. The digest may be empty: the content is known by verification only.

    Raises:
        SameContentError: another rosbag holds this content; nothing was written.
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
    arriving = Rosbag.objects.living().filter(pk=rosbag.pk, status=Status.UPLOADING)
    for _try in range(TRIES):
        if digest and rosbag.origin == Origin.UPLOADED and (known := find(digest)):
            raise SameContentError(known)
        if rosbag.origin != Origin.UPLOADED:
            values["claimed_digest"] = None  # two runs may well record the same
        try:
            with transaction.atomic():
                if not arriving.update(**values):
                    return False
                enqueue_on_commit("storage.tasks.verify_rosbag", rosbag.pk)
                return True
        except IntegrityError:
            _release(digest)
    message = "the claim on a digest was neither free nor held"
    raise RuntimeError(message)


class SameContentError(Exception):
    """The content is there already, as `known`."""

    def __init__(self, known: Rosbag) -> None:
        super().__init__(str(known.pk))
        self.known = known


def _same(digest: str) -> RosbagQuerySet:
    repaired = Q(status=Status.REPAIRED, repaired__deleted_at=None, repaired__status__in=USABLE)
    return (
        Rosbag.objects.living()
        .filter(Q(content_digest=digest) | Q(claimed_digest=digest))
        .filter(origin__in=(Origin.UPLOADED, Origin.REPAIRED))
        .filter(Q(status__in=ARRIVED) | repaired)
    )


def _release(digest: str) -> None:
    """Take the claim from one that can no longer be used: deleted or rejected."""
    holders = Rosbag.objects.filter(claimed_digest=digest)
    holders.exclude(pk__in=_same(digest).values("pk")).update(claimed_digest=None)
