"""Connections of units that break and come back: kept with their agents, and told in the timeline."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from agent.protocol import Outage, Snapshot
from simulations.choices import EventKind
from simulations.models import AgentRun, StageRun
from simulations.services.events import record_event
from simulations.services.progress.outages import merge


def to_rows(outages: Iterable[Outage]) -> list[dict[str, Any]]:
    """Outages as they are stored with an agent."""
    return [
        {
            "began_at": _time(outage.began_ns),
            "ended_at": None if outage.ended_ns is None else _time(outage.ended_ns),
            "messages": outage.messages,
        }
        for outage in outages
    ]


def count(outages: Sequence[Outage]) -> int:
    """Number of times that a link broke or came back."""
    return 2 * len(outages) - (bool(outages) and outages[-1].ended_ns is None)


def record(execution_id: int, agents: Sequence[int], before: int, message: Snapshot) -> None:
    """Store the outages of a unit with its agents, and append an event for each change.

    Args:
        execution_id: The execution.
        agents: Primary keys of the unit's agents.
        before: The number of changes that they know; if it has changed, the next report writes the rest.
        message: The report of the unit.
    """
    changes = count(message.outages)
    if changes <= before:
        return
    outages = to_rows(message.outages)
    with transaction.atomic():
        # A delayed report of agents that were given up comes too late for the timeline.
        rows = AgentRun.objects.unfinished().filter(pk__in=agents, link_changes=before)
        figures = {"outages": outages, "messages_undelivered": message.undelivered}
        if not rows.update(link_changes=changes, **figures):
            return
        position = StageRun.objects.values_list("position", flat=True).get(pk=message.stage_run)
        place = {"position": position, "unit": message.unit}
        for number in range(before, changes):
            _record_change(execution_id, place, number, outages[number // 2], len(agents))


def _record_change(
    execution_id: int, place: dict[str, int], number: int, outage: dict[str, Any], agents: int
) -> None:
    payload = {**place, "began_at": outage["began_at"]}
    if number % 2:
        payload |= {"ended_at": outage["ended_at"], "messages": outage["messages"] * agents}
        record_event(execution_id, EventKind.LINK_RESTORED, payload=payload)
    else:
        record_event(execution_id, EventKind.LINK_LOST, payload=payload)


def failure_values(rows: Iterable[tuple[int, list[dict[str, Any]] | None]]) -> dict[str, Any]:
    """Values of the failure TRANSPORT_LOST.

    Args:
        rows: Undelivered messages and stored outages of agents.
    """
    agents = list(rows)
    merged = merge((0, outages) for _messages, outages in agents)
    return {
        "undelivered": sum(messages for messages, _outages in agents),
        "outages": [[_text(o.began_at), o.ended_at and _text(o.ended_at)] for o in merged],
    }


def _time(nanoseconds: int) -> str:
    return _text(datetime.fromtimestamp(nanoseconds / 1e9, tz=UTC))


def _text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
