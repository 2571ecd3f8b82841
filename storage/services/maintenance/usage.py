"""How much is stored: by hour, by kind, and what could be freed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db.models import Sum
from django.db.models.functions import TruncHour

from storage.models import Rosbag


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
