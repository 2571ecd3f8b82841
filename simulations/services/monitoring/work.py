"""Background work: verifications, exports and deletions, and the queue of tasks that carries them out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import CharField, F, FloatField, QuerySet, Value
from django.db.models.functions import Cast

from simulations.services.maintenance import deletion
from storage.models import Rosbag
from storage.services.exports import exports

NAMES = ("kind", "pk", "name", "status", "percent", "since", "lease_until")


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
    return [Work(**dict(zip(NAMES, row, strict=True))) for row in rows]


def _rows(kind: str, rows: QuerySet[Any], percent: Any) -> QuerySet[Any]:
    values = {"kind": Value(kind, CharField()), "percent": percent, "since": F("created_at")}
    return rows.order_by().annotate(**values).values_list(*NAMES)
