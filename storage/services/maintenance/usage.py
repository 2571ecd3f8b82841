"""Stored bytes by hour and by kind, and those that could be freed."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Sum
from django.db.models.functions import TruncHour

from storage.choices import ExportStatus, Status
from storage.models import Export, Rosbag
from storage.services.maintenance.metrics import DELETED, storage_statistics

TABLES = "tables"
"""Kind of the exported tables, which are no rosbags."""


@dataclass(frozen=True)
class Usage:
    """Numbers and bytes by kind: origins of rosbags, `uploading`, `deleted` and `tables`."""

    counts: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All bytes."""
        return self.sizes.total()

    def add(self, kind: str, count: int, size: int) -> None:
        """Add rows of a kind."""
        self.counts[kind] += count
        self.sizes[kind] += size


def usage() -> Usage:
    """Return what is stored, in two queries."""
    result = Usage()
    for row in storage_statistics().rosbags:
        kind = row.status if row.status in {DELETED, Status.UPLOADING} else row.origin
        result.add(kind, row.count, row.size)
    tables = Export.objects.filter(status=ExportStatus.DONE).exclude(file="")
    sums = tables.aggregate(count=Count("pk"), size=Sum("size"))
    result.add(TABLES, sums["count"], sums["size"] or 0)
    return result


def largest(limit: int) -> list[Rosbag]:
    """Return the largest rosbags that are not deleted."""
    return list(Rosbag.objects.living().order_by("-size", "-pk")[:limit])


def disk() -> tuple[int, int] | None:
    """Return size and free bytes of the disk of the storage folder; None with an object storage."""
    if settings.MINIO_ENDPOINT:
        return None
    with suppress(OSError):
        figures = shutil.disk_usage(settings.STORAGE_DIR)
        return figures.total, figures.free
    return None


def stored_by_hour(since: datetime, until: datetime) -> Iterator[tuple[datetime, int]]:
    """Bytes of the rosbags at the end of each hour, as far as they are stored still; deleted ones are, too.

    Args:
        since: Begin of the first hour.
        until: End of the last one.
    """
    total = Rosbag.objects.filter(created_at__lt=since).aggregate(total=Sum("size"))["total"] or 0
    newer = Rosbag.objects.filter(created_at__gte=since).order_by()
    rows = newer.annotate(at=TruncHour("created_at", tzinfo=UTC)).values_list("at")
    added = dict(rows.annotate(Sum("size")))
    hour = since
    while hour < until:
        total += added.get(hour, 0)
        yield hour, total
        hour += timedelta(hours=1)
