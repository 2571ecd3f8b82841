"""Outages of the connections of an execution's units, joined where they overlap."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from simulations.models import AgentRun, Execution


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """Time in which messages of a stage may not have arrived; no end: the connection did not return."""

    stage: int
    """Its position."""
    began_at: datetime
    ended_at: datetime | None
    messages: int


def outages_of(execution: Execution) -> tuple[Outage, ...]:
    """The outages of all attempts, in order of stages and time; one query."""
    rows = AgentRun.objects.filter(stage_run__execution=execution, link_changes__gt=0)
    return merge(rows.values_list("stage_run__position", "outages"))


def merge(rows: Iterable[tuple[int, list[dict[str, Any]] | None]]) -> tuple[Outage, ...]:
    """Join the outages of agents, given as the position of the stage and the stored ones."""
    single = [
        msgspec.convert({"stage": stage, **outage}, Outage)
        for stage, outages in rows
        for outage in outages or []
    ]
    merged: list[Outage] = []
    for outage in sorted(single, key=lambda outage: (outage.stage, outage.began_at)):
        if merged and _overlap(merged[-1], outage):
            outage = _join(merged.pop(), outage)  # noqa: PLW2901
        merged.append(outage)
    return tuple(merged)


def _overlap(first: Outage, second: Outage) -> bool:
    open_or_later = first.ended_at is None or first.ended_at >= second.began_at
    return first.stage == second.stage and open_or_later


def _join(first: Outage, second: Outage) -> Outage:
    ends = (first.ended_at, second.ended_at)
    return msgspec.structs.replace(
        first,
        ended_at=None if None in ends else max(end for end in ends if end is not None),
        messages=first.messages + second.messages,
    )
