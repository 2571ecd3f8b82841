"""Statistics of the last days, by hour, recorded by the controller.

What has ended does not change, so an hour is counted while it lasts and once after it, and a page reads a few
hundred rows instead of counting millions. How much was stored is known only then: rosbags are purged later.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.db.models import Count, Max
from django.db.models.functions import TruncHour
from django.utils import timezone

from simulations.choices import RunStatus
from simulations.models import AgentRun, Execution, HourStatistics
from storage.services.maintenance.usage import stored_by_hour

HOUR = timedelta(hours=1)
DAYS = 14
COUNTS = ("executions", "failed", "stopped", "agents")


@dataclass
class Day:
    """Sums of the hours of a day."""

    date: date
    executions: int = 0
    failed: int = 0
    stopped: int = 0
    agents: int = 0
    stored_bytes: int | None = None
    """As it ended; None: no hour of this day was recorded."""


def record() -> None:
    """Record the current hour, and those since the last recorded one; may run twice at once."""
    current = timezone.now().replace(minute=0, second=0, microsecond=0)
    horizon = current - timedelta(days=DAYS + 1)
    last = HourStatistics.objects.aggregate(last=Max("hour"))["last"]
    since = max(last or horizon, horizon)
    counts = _count(since)
    rows = [
        HourStatistics(hour=hour, stored_bytes=stored, **counts[hour])
        for hour, stored in stored_by_hour(since, current + HOUR)
    ]
    # What was stored when an hour had ended stays as it was recorded then.
    over = [row for row in rows if row.hour == last != current]
    _write(over, COUNTS)
    _write([row for row in rows if row not in over], (*COUNTS, "stored_bytes"))


def days(zone: tzinfo) -> list[Day]:
    """Return the last days in a time zone, today last; executions up to this moment."""
    today = timezone.now().astimezone(zone).date()
    result = {day: Day(day) for day in (today - timedelta(n) for n in reversed(range(DAYS)))}
    first = datetime.combine(min(result), time(), zone)
    for row in _hours(first):
        day = result.get(row.hour.astimezone(zone).date())
        if day is not None:
            for name in COUNTS:
                setattr(day, name, getattr(day, name) + getattr(row, name))
            if row.pk is not None:
                day.stored_bytes = row.stored_bytes
    return list(result.values())


def _hours(first: datetime) -> Iterable[HourStatistics]:
    """The recorded hours in order, with the executions that have ended since the last record."""
    rows = {row.hour: row for row in HourStatistics.objects.filter(hour__gte=first)}
    for hour, values in _count_executions(max(rows, default=first)).items():
        row = rows.setdefault(hour, HourStatistics(hour=hour))
        for name, value in values.items():
            setattr(row, name, value)
    return [row for _hour, row in sorted(rows.items())]


def _count(since: datetime) -> dict[datetime, dict[str, int]]:
    counts = _count_executions(since)
    agents = AgentRun.objects.filter(ended_at__gte=since).order_by()
    rows = agents.annotate(at=TruncHour("ended_at", tzinfo=UTC)).values_list("at")
    for hour, count in rows.annotate(n=Count("*")):
        counts[hour]["agents"] = count
    return counts


def _count_executions(since: datetime) -> dict[datetime, dict[str, int]]:
    counts: dict[datetime, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    ended = Execution.objects.filter(ended_at__gte=since).order_by()
    rows = ended.annotate(at=TruncHour("ended_at", tzinfo=UTC)).values_list("at", "status")
    for hour, status, count in rows.annotate(n=Count("*")):
        counts[hour]["executions"] += count
        if status in {RunStatus.FAILED, RunStatus.STOPPED}:
            counts[hour][status.lower()] += count
    return counts


def _write(rows: list[HourStatistics], fields: Iterable[str]) -> None:
    HourStatistics.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["hour"], update_fields=list(fields)
    )
