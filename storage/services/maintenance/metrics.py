"""Figures of the storage for those who watch the system; one query for any number of rosbags."""

import msgspec
from django.db.models import Case, CharField, Count, F, Q, Sum, Value, When
from django.utils import timezone

from storage.choices import Status
from storage.models import Rosbag

DELETED = "deleted"
"""Status of what is hidden and not yet purged: it still takes room."""


class RosbagVitals(msgspec.Struct, frozen=True):
    """Rosbags of one origin in one state."""

    origin: str
    status: str
    count: int
    size: int
    """Bytes."""


class StorageVitals(msgspec.Struct, frozen=True):
    """What is stored and what is under way."""

    rosbags: list[RosbagVitals]
    verifying: int
    """Rosbags that a worker is at: their lease holds."""
    sessions: int
    """Uploads in parts that were begun, not completed and not given up."""


def storage_vitals() -> StorageVitals:
    """Count what is stored, by origin and state."""
    held = Q(status=Status.VERIFYING, lease_until__gt=timezone.now())
    opened = Q(status=Status.UPLOADING, in_parts=True, origin="uploaded")
    living = Q(deleted_at=None)
    state = Case(When(living, then=F("status")), default=Value(DELETED), output_field=CharField())
    rows = list(
        Rosbag.objects.order_by()
        .values_list("origin", state)
        .annotate(
            Count("pk"),
            Sum("size"),
            held=Count("pk", filter=living & held),
            opened=Count("pk", filter=living & opened),
        )
    )
    return StorageVitals(
        [RosbagVitals(*row[:4]) for row in rows],
        verifying=sum(row[4] for row in rows),
        sessions=sum(row[5] for row in rows),
    )
