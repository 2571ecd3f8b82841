"""The recordings: missing ones first, each with the way to its rosbag."""

from typing import Any

from django.db.models import Case, IntegerField, Value, When
from django.utils.translation import gettext as _

from common.admin.actions import admin_url
from common.admin.numbers import number
from simulations.admin.executions.page_data import PageData
from simulations.admin.formatting import list_url, tone
from simulations.choices import RecordingStatus
from simulations.models import Recording

MAX_ROWS = 8
_FIRST = [RecordingStatus.LOST, RecordingStatus.EMPTY]


def context(data: PageData) -> dict[str, Any]:
    counts = data.recordings
    return {
        "execution": data.execution,
        "rows": [_row(data, row) for row in _rows(data)] if counts else [],
        "counts": [
            (str(status.label), counts[status], tone(status))
            for status in RecordingStatus
            if counts.get(status)
        ],
        "total": sum(counts.values()),
        "expected": any(stage.record for stage in data.plan.stages),
        "all": list_url("recording", execution=data.execution.pk),
    }


def _rows(data: PageData) -> Any:
    first = Case(
        When(status__in=_FIRST, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    rows = Recording.objects.filter(stage_run__execution=data.execution)
    rows = rows.select_related("stage_run", "rosbag").defer("topics")
    return rows.order_by(first, "stage_run__position", "unit")[:MAX_ROWS]


def _row(data: PageData, row: Recording) -> dict[str, Any]:
    stage = data.plan.stage(row.stage_run.position)
    slots = data.plan.slots(stage, row.unit)
    return {
        "row": row,
        "url": admin_url(row),
        "stage": stage,
        "messages": number(row.message_count),
        "dropped": number(row.dropped) if row.dropped else "",
        "name": _name(row, [slot.number for slot in slots]),
        "tone": tone(row.status),
        "rosbag_url": admin_url(row.rosbag) if row.rosbag else "",
    }


def _name(row: Recording, agents: list[int]) -> str:
    """The agents that share a recording; of one that the plan does not have, the unit."""
    if not agents:
        return _("unit %(unit)d") % {"unit": row.unit}
    first, last = agents[0], agents[-1]
    return str(first) if first == last else f"{first} … {last}"
