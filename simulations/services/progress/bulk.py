"""The progress of many executions at once, for lists: no rows of agents, one call of Redis for all."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from django.utils import timezone

from simulations.choices import ENDED
from simulations.exceptions import LiveAwayError
from simulations.live import watched
from simulations.models import Execution, StageRun
from simulations.services.plan import plan_of
from simulations.services.progress.calculation import Facts, Progress, StageFacts, reckon
from simulations.services.progress.progress import Kept, Tallies


def percent_by_id(executions: Iterable[Execution]) -> dict[int, float]:
    """How far each of those that have not ended is, 0 to 100; see `progress_of_all`."""
    return {pk: seen.overall for pk, seen in progress_of_all(executions).items()}


def progress_of_all(executions: Iterable[Execution]) -> dict[int, Progress]:
    """The progress of each of those that have not ended; none of them while Redis is away.

    Of what was computed lately that is told. Else it is computed from what Redis knows of the units: what
    only the rows of agents know (a lost one, after Redis was emptied) counts as not yet played.
    """
    wanted = {each.pk for each in executions if each.status not in ENDED}
    if not wanted:
        return {}
    try:
        found = watched.standing(sorted(wanted))
    except LiveAwayError:
        return {}
    kept = {pk: msgspec.json.decode(value, type=Kept) for pk, (value, _t) in found.items() if value}
    seen = {pk: each.progress for pk, each in kept.items() if each.fresh}
    for execution in _with_plans(wanted - set(seen)):
        told, tallies = kept.get(execution.pk), found[execution.pk][1]
        seen[execution.pk] = _reckoned(execution, tallies, told)
    return seen


def _with_plans(wanted: set[int]) -> list[Execution]:
    """These executions with their plans and stages, in two queries."""
    if not wanted:
        return []
    executions = list(Execution.objects.filter(pk__in=wanted).defer("outcome"))
    stages: dict[int, list[StageRun]] = defaultdict(list)
    for run in StageRun.objects.filter(execution__in=wanted).order_by("execution", "position"):
        stages[run.execution_id].append(run)
    for execution in executions:
        execution.known_stages = stages[execution.pk]  # type: ignore[attr-defined]
    return executions


def _reckoned(execution: Any, tallies: Tallies, kept: Kept | None) -> Progress:
    names = StageFacts.__struct_fields__
    facts = Facts(
        status=execution.status,
        data_status=execution.data_status,
        event_count=execution.event_count,
        stop_asked_at=execution.stop_asked_at,
        ended_at=execution.ended_at,
        stages=tuple(
            StageFacts(**{name: getattr(run, name) for name in names})
            for run in execution.known_stages
        ),
    )
    before = kept.progress if kept else None
    return reckon(plan_of(execution), facts, tallies, timezone.now(), before)
