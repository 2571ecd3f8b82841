"""The timeline of executions: the only writer of events, which watchers receive after the commit."""

from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from simulations.choices import EventKind
from simulations.exceptions import RedisUnreachableError
from simulations.live import events as live_events
from simulations.live.events import Published
from simulations.models import Event, Execution


def record_event(
    execution_id: int, kind: EventKind, *, actor: Any = None, payload: dict[str, Any] | None = None
) -> None:
    """Append an event; call it within the transaction of the change that it describes."""
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
        # After the commit, as a rollback must not be published; robust, as watchers also read the database.
        transaction.on_commit(partial(publish, event), robust=True)


def to_dict(event: Event) -> dict[str, Any]:
    """An event as the API lists it."""
    time = timezone.localtime(event.time, timezone.get_default_timezone()).isoformat()
    return {
        "sequence": event.sequence,
        "time": time.removesuffix("+00:00") + "Z" if time.endswith("+00:00") else time,
        "kind": event.kind,
        "actor": str(event.actor) if event.actor else None,
        "payload": event.payload,
    }


def encode(event: Event) -> Published:
    """An event as watchers receive it."""
    return event.sequence, msgspec.json.encode(to_dict(event))


def publish(event: Event) -> None:
    """Notify watchers of a committed event; without Redis they find it in the database."""
    with suppress(RedisUnreachableError):
        live_events.publish(event.execution_id, *encode(event))


def after(execution_id: int, sequence: int, limit: int) -> list[Published]:
    """The first `limit` events after a sequence number."""
    rows = Event.objects.filter(execution=execution_id, sequence__gt=sequence)
    return [encode(row) for row in rows.select_related("actor").order_by("sequence")[:limit]]


def newest(execution_id: int, limit: int) -> list[Published]:
    """The last `limit` events, oldest first."""
    rows = Event.objects.filter(execution=execution_id).select_related("actor")
    return [encode(row) for row in rows.order_by("-sequence")[:limit]][::-1]
