"""The recordings: missing ones first, each with its attempt, what is stored and the way to its rosbag."""

from typing import Any

from django.db.models import Case, IntegerField, Value, When
from django.utils.translation import gettext as _

from common.admin.actions import admin_url
from common.admin.numbers import number, size
from simulations.admin.executions.page_data import PageData
from simulations.admin.formatting import list_url, tone
from simulations.choices import RecordingStatus
from simulations.failures import recording_text
from simulations.models import Recording

MAX_ROWS = 8
_FIRST = [RecordingStatus.LOST, RecordingStatus.PARTIAL, RecordingStatus.EMPTY]


def context(data: PageData) -> dict[str, Any]:
    counts = data.recordings
    rows = [_row(data, row) for row in _rows(data)] if counts else []
    return {
        "execution": data.execution,
        "rows": rows,
        "counts": [
            (str(status.label), counts[status], tone(status))
            for status in RecordingStatus
            if counts.get(status)
        ],
        "total": sum(counts.values()),
        "earlier": any(row["row"].superseded for row in rows),
        "expected": any(stage.record for stage in data.plan.stages),
        "all": list_url("recording", execution=data.execution.pk),
    }


def _rows(data: PageData) -> Any:
    """Those of newest attempts first, as they are what counts."""
    first = Case(
        When(status__in=_FIRST, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    recordings = Recording.objects.filter(stage_run__execution=data.execution)
    rows: Any = recordings.select_related("stage_run", "rosbag").defer("topics")
    rows = rows.with_superseded().with_segments()
    return rows.order_by("superseded", first, "stage_run__position", "unit", "agent")[:MAX_ROWS]


def _row(data: PageData, row: Any) -> dict[str, Any]:
    stage = data.plan.stage(row.stage_run.position)
    slots = data.plan.slots(stage, row.unit)
    agents = [slot.number for slot in slots] if row.agent is None else [row.agent]
    return {
        "row": row,
        "url": admin_url(row),
        "stage": stage,
        "messages": number(row.message_count),
        "dropped": number(row.dropped) if row.dropped else "",
        "name": _name(row, agents),
        "tone": "idle" if row.superseded else tone(row.status),
        "size": size(row.stored_bytes) if row.segments_stored else "",
        "text": recording_text(row.text, row.lost_spans),
        "rosbag_url": admin_url(row.rosbag) if row.rosbag else "",
    }


def _name(row: Recording, agents: list[int]) -> str:
    """The agents that share a recording; of one that the plan does not have, the unit."""
    if not agents:
        return _("unit %(unit)d") % {"unit": row.unit}
    first, last = agents[0], agents[-1]
    return str(first) if first == last else f"{first} … {last}"
