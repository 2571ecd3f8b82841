"""Statistics of the storage for monitoring; one query for any number of rosbags."""

import msgspec
from django.db.models import Case, CharField, Count, F, Q, Sum, Value, When
from django.utils import timezone

from storage.choices import Status
from storage.models import Rosbag

DELETED = "deleted"
"""Status of rosbags that are deleted but not purged: they still use space."""


class RosbagStatistics(msgspec.Struct, frozen=True):
    """Number and size of the rosbags of one origin and status."""

    origin: str
    status: str
    count: int
    size: int
    """Bytes."""


class StorageStatistics(msgspec.Struct, frozen=True):
    """Stored rosbags and work in progress."""

    rosbags: list[RosbagStatistics]
    verifying: int
    """Rosbags that a worker is verifying, with a valid lease."""
    sessions: int
    """Open upload sessions, neither completed nor aborted."""


def storage_statistics() -> StorageStatistics:
    """Count the stored rosbags by origin and status."""
    leased = Q(status=Status.VERIFYING, lease_until__gt=timezone.now())
    opened = Q(status=Status.UPLOADING, in_parts=True, origin="uploaded")
    not_deleted = Q(deleted_at=None)
    state = Case(
        When(not_deleted, then=F("status")), default=Value(DELETED), output_field=CharField()
    )
    rows = list(
        Rosbag.objects.order_by()
        .values_list("origin", state)
        .annotate(
            Count("pk"),
            Sum("size"),
            leased=Count("pk", filter=not_deleted & leased),
            opened=Count("pk", filter=not_deleted & opened),
        )
    )
    return StorageStatistics(
        [RosbagStatistics(*row[:4]) for row in rows],
        verifying=sum(row[4] for row in rows),
        sessions=sum(row[5] for row in rows),
    )
