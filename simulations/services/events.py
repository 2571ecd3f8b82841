"""The timeline: written here alone, told to watchers after the commit, read by those that missed it."""

from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from simulations.choices import EventKind
from simulations.exceptions import LiveAwayError
from simulations.live import watched
from simulations.live.watched import Published
from simulations.models import Event, Execution


def record_event(
    execution_id: int, kind: EventKind, *, actor: Any = None, payload: dict[str, Any] | None = None
) -> None:
    """Append to the timeline; call it within the transaction of what it tells."""
    with transaction.atomic():
        rows = Execution.objects.filter(pk=execution_id)
        rows.update(event_count=F("event_count") + 1)
        event = Event.objects.create(
            execution_id=execution_id,
            sequence=rows.values_list("event_count", flat=True).get(),
            kind=kind,
            actor=actor,
            payload=payload or {},
        )
        # After the commit, so that nobody is told what never was; robust: watchers find it without us.
        transaction.on_commit(partial(publish, event), robust=True)


def told(event: Event) -> dict[str, Any]:
    """An event as the API lists it."""
    when = timezone.localtime(event.time, timezone.get_default_timezone()).isoformat()
    return {
        "sequence": event.sequence,
        "time": when.removesuffix("+00:00") + "Z" if when.endswith("+00:00") else when,
        "kind": event.kind,
        "actor": str(event.actor) if event.actor else None,
        "payload": event.payload,
    }


def encoded(event: Event) -> Published:
    """An event as it goes to watchers."""
    return event.sequence, msgspec.json.encode(told(event))


def publish(event: Event) -> None:
    """Tell watchers of a committed event; without Redis they find it in the database."""
    with suppress(LiveAwayError):
        watched.publish(event.execution_id, *encoded(event))


def after(execution_id: int, sequence: int, limit: int) -> list[Published]:
    """The events that follow a sequence number, at most so many."""
    rows = Event.objects.filter(execution=execution_id, sequence__gt=sequence)
    return [encoded(row) for row in rows.select_related("actor").order_by("sequence")[:limit]]


def newest(execution_id: int, limit: int) -> list[Published]:
    """The last events, oldest first, at most so many."""
    rows = Event.objects.filter(execution=execution_id).select_related("actor")
    return [encoded(row) for row in rows.order_by("-sequence")[:limit]][::-1]
