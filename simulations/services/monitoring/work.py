"""Background work: verifications, exports and deletions, and the queue of tasks that carries them out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, F, FloatField, QuerySet, Value
from django.db.models.functions import Cast
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from simulations.choices import DeletionStatus
from simulations.models import Deletion
from simulations.services.maintenance import deletion
from storage.choices import ExportStatus, Status
from storage.models import Export, Rosbag
from storage.services.exports import exports

NAMES = ("kind", "pk", "name", "status", "percent", "since", "lease_until")
RECENT = timedelta(days=14)
VERIFICATION_FAILURES = ("VERIFICATION_FAILED", "VERIFICATION_BROKE_OFF")
"""Codes of rejections that are not the rosbag's fault."""


@dataclass(frozen=True)
class Work:
    """A row that a worker works on, or will."""

    kind: str
    """`rosbag`, `export` or `deletion`."""
    pk: int
    name: str
    status: str
    percent: float | None
    since: datetime
    lease_until: datetime | None


def open_work(limit: int) -> list[Work]:
    """Verifications, exports and deletions that have not ended, the oldest first, in one query."""
    verifying = _rows("rosbag", Rosbag.objects.verifying(), Value(None, FloatField()))
    exporting = _rows("export", exports.unfinished(), F("progress") * 100.0)
    deleting = _rows("deletion", deletion.unfinished(), Cast("progress", FloatField()))
    rows: Any = verifying.union(exporting, deleting, all=True).order_by("since")[:limit]
    return _works(rows)


def failed_work(limit: int) -> list[Work]:
    """The same kinds that failed lately for a reason of the system, the newest first, in one query."""
    since = timezone.now() - RECENT
    rosbags = Rosbag.objects.living().filter(
        status=Status.REJECTED, code__in=VERIFICATION_FAILURES, updated_at__gte=since
    )
    exporting = Export.objects.filter(status=ExportStatus.FAILED, ended_at__gte=since)
    deleting = Deletion.objects.filter(status=DeletionStatus.FAILED, ended_at__gte=since)
    nothing = Value(None, FloatField())
    rows: Any = _rows("rosbag", rosbags, nothing).union(
        _rows("export", exporting, nothing), _rows("deletion", deleting, nothing), all=True
    )
    return _works(rows.order_by("-since")[:limit])


def failed_tasks(limit: int) -> list[tuple[str, datetime]]:
    """Names of the tasks that failed lately, and when, the newest first."""
    failed = DBTaskResult.objects.failed().filter(finished_at__gte=timezone.now() - RECENT)
    rows = failed.order_by("-finished_at").values_list("task_path", "finished_at")[:limit]
    return [(path.rpartition(".")[2], at) for path, at in rows if at is not None]


def _works(rows: Iterable[Any]) -> list[Work]:
    return [Work(**dict(zip(NAMES, row, strict=True))) for row in rows]


def _rows(kind: str, rows: QuerySet[Any], percent: Any) -> QuerySet[Any, Any]:
    values = {"kind": Value(kind, CharField()), "percent": percent, "since": F("created_at")}
    selected: QuerySet[Any, Any] = rows.order_by().annotate(**values).values_list(*NAMES)
    return selected
