"""The newest events."""

from typing import Any

from common.admin.numbers import number
from common.admin.times import moment
from simulations.admin.event_sentences import event_sentence, event_tone
from simulations.admin.executions.page_data import PageData
from simulations.admin.formatting import list_url
from simulations.models import Event

MAX_ROWS = 12


def context(data: PageData) -> dict[str, Any]:
    rows = data.execution.events.select_related("actor").order_by("-sequence")[:MAX_ROWS]
    return {
        "rows": [_row(row) for row in rows],
        "total": number(data.execution.event_count),
        "all": list_url("event", execution=data.execution.pk),
    }


def _row(event: Event) -> dict[str, Any]:
    sentence = event_sentence(event)
    actor = str(event.actor or "")
    return {
        "sentence": sentence,
        "actor": "" if actor in sentence else actor,
        "tone": event_tone(event),
        "time": moment(event.time),
    }
