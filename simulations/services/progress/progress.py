"""Progress of an execution: from Redis while it runs, from its own row after it has ended.

The process that reads it calculates it, about once a second for all processes together; the others read the
cached result. Rows of agents are read only if Redis may be incomplete: after an event, or after it was
emptied.
"""

from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Count, Max, Sum
from django.utils import timezone

from common.exceptions import NotFoundError
from simulations.choices import AGENT_ENDED, RunStatus
from simulations.exceptions import RedisUnreachableError
from simulations.failures import waiting_text
from simulations.live import progress as live_progress
from simulations.live.unit_counts import UnitCount, UnitCounts
from simulations.models import AgentRun, Execution
from simulations.services.plan import plan_of
from simulations.services.progress.calculation import (
    Inputs,
    Progress,
    StageInputs,
    StageProgress,
    calculate,
)
from simulations.services.progress.outages import outages_of
from simulations.services.progress.resources import larger
from simulations.services.progress.results import measured_figures
from simulations.services.progress.subscribers import subscribers_of

__all__ = [
    "FRESH_SECONDS",
    "Progress",
    "StageProgress",
    "final_outcome",
    "progress_by_id",
    "progress_of",
    "waiting_texts",
]

FRESH_SECONDS = 1.0
FINAL_FIGURES = (
    *("messages_published", "cpu_seconds", "memory_peak_bytes"),
    *("cpu_cores_requested", "memory_requested_bytes"),
)
"""Figures that progress knows better than the rows of agents."""


class CachedProgress(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the cache in Redis: the progress, and the inputs it was calculated from."""

    progress: Progress
    inputs: Inputs = msgspec.field(name="facts")

    @property
    def is_recent(self) -> bool:
        """It was calculated within the last second."""
        age = (timezone.now() - self.progress.as_of).total_seconds()
        return 0 <= age < FRESH_SECONDS


def progress_by_id(execution_id: int, *, min_event: int = 0) -> Progress:
    """The progress of an execution, usually with one call of Redis.

    Args:
        execution_id: Primary key.
        min_event: Number of an event that the progress has to include.

    Raises:
        NotFoundError: There is no such execution.
    """
    try:
        cached = _cached(execution_id)
    except RedisUnreachableError:
        cached = None
    if cached is not None and cached.is_recent and cached.inputs.event_count >= min_event:
        return cached.progress
    execution = Execution.objects.filter(pk=execution_id).first()
    if execution is None:
        raise NotFoundError
    return progress_of(execution)


def progress_of(execution: Execution) -> Progress:
    """The current progress, at most a second old; from the database while Redis does not answer."""
    if execution.ended:
        return _final_progress(execution)
    try:
        cached = _cached(execution.pk)
        if cached is not None and _is_current(cached, execution):
            return cached.progress
        return _calculate_and_cache(execution, cached)
    except RedisUnreachableError:
        return calculate_now(execution, inputs_of(execution), counts_of_rows(execution.pk))


def waiting_texts(progress: Progress) -> list[dict[str, Any]]:
    """Stages whose units wait, with the cause in words."""
    return [
        {"stage": stage.position, **stage.waiting, "text": waiting_text(stage.waiting)}
        for stage in progress.stages
        if stage.waiting
    ]


def final_outcome(
    execution: Execution, status: RunStatus, fields: dict[str, Any]
) -> dict[str, Any]:
    """Progress and figures to be stored with an execution as it ends, so that they stay available.

    Args:
        execution: The execution.
        status: The final status.
        fields: Fields that are written with the status.

    Returns:
        A dict with `progress`, `figures` and `subscribers`.
    """
    inputs = msgspec.structs.replace(
        inputs_of(execution),
        status=str(status),
        data_status=str(fields.get("data_status", execution.data_status)),
        ended_at=fields["ended_at"],
    )
    counts = counts_of_rows(execution.pk)
    try:
        cached = _cached(execution.pk)
        counts = merge_counts(counts, live_progress.unit_counts(execution.pk)[0])
    except RedisUnreachableError:
        cached = None
    progress = calculate_now(execution, inputs, counts, cached)
    final = {name: getattr(progress, name) for name in FINAL_FIGURES}
    figures = measured_figures(execution) | final
    return {
        "progress": msgspec.to_builtins(progress),
        "figures": figures,
        "subscribers": msgspec.to_builtins(subscribers_of(execution)),
    }


def _final_progress(execution: Execution) -> Progress:
    if execution.outcome:
        progress = msgspec.convert(execution.outcome["progress"], Progress)
        # The outcome was stored before the last events were written.
        return msgspec.structs.replace(progress, last_event=execution.event_count)
    return calculate_now(execution, inputs_of(execution), counts_of_rows(execution.pk))


def _cached(execution_id: int) -> CachedProgress | None:
    value = live_progress.cached(execution_id)
    return None if value is None else msgspec.json.decode(value, type=CachedProgress)


def _is_current(cached: CachedProgress, execution: Execution) -> bool:
    """Check that the cached progress can be used: it is recent, or another process is updating it."""
    newer = execution.event_count > cached.inputs.event_count
    if newer and execution.status != cached.inputs.status:
        return False
    return cached.is_recent or not live_progress.may_calculate(execution.pk, FRESH_SECONDS)


def _calculate_and_cache(execution: Execution, cached: CachedProgress | None) -> Progress:
    inputs = inputs_of(execution, cached.inputs if cached else None)
    counts, last_event = live_progress.unit_counts(execution.pk)
    if last_event < inputs.event_count:
        counts = merge_counts(counts_of_rows(execution.pk), counts)
        live_progress.add_counts(execution.pk, counts, inputs.event_count)
    progress = calculate_now(execution, inputs, counts, cached)
    entry = CachedProgress(progress=progress, inputs=inputs)
    live_progress.cache(execution.pk, msgspec.json.encode(entry))
    return progress


def calculate_now(
    execution: Execution,
    inputs: Inputs,
    counts: UnitCounts,
    cached: CachedProgress | None = None,
) -> Progress:
    """Calculate the progress as of now, or as of the end of the execution."""
    now: datetime = inputs.ended_at or timezone.now()
    previous = cached.progress if cached else None
    return calculate(plan_of(execution), inputs, counts, now, previous)


def inputs_of(
    execution: Execution, previous: Inputs | None = None, *, with_outages: bool = True
) -> Inputs:
    """The inputs from the database; each change makes an event, so stages are only read after one.

    The number of units that wait changes without.
    """
    same = previous is not None and previous.event_count == execution.event_count
    if previous is not None and same and not any(stage.waiting for stage in previous.stages):
        stages, outages = previous.stages, previous.outages
    else:
        outages = outages_of(execution) if with_outages else ()
        runs = sorted(execution.stage_runs.all(), key=lambda run: run.position)
        stages = tuple(
            StageInputs(**{name: getattr(run, name) for name in StageInputs.__struct_fields__})
            for run in runs
        )
    return Inputs(
        status=execution.status,
        data_status=execution.data_status,
        event_count=execution.event_count,
        stop_asked_at=execution.stop_asked_at,
        ended_at=execution.ended_at,
        stages=stages,
        outages=outages,
    )


def counts_of_rows(execution_id: int) -> UnitCounts:
    """Unit counts from the rows of agents, in one query; `published` is as of their last change of status."""
    rows = (
        AgentRun.objects.filter(stage_run__execution=execution_id)
        .order_by()
        .values_list("stage_run", "unit", "attempt", "status")
        .annotate(
            agents=Count("pk"),
            sent=Sum("published"),
            cpu=Max("unit_cpu_seconds"),
            memory=Max("unit_memory_peak_bytes"),
        )
    )
    counts: UnitCounts = {}
    for stage_run, unit, attempt, status, agents, sent, cpu, memory in rows:
        count = counts.get((stage_run, unit, attempt), UnitCount({}, 0))
        counts[stage_run, unit, attempt] = UnitCount(
            {**count.agents, str(status): agents},
            count.published + sent,
            larger(count.cpu_seconds, cpu),
            larger(count.memory_peak_bytes, memory),
        )
    return counts


def merge_counts(row_counts: UnitCounts, live_counts: UnitCounts) -> UnitCounts:
    """Merge both sources: rows whose agents have all ended are final, else the live count is newer."""
    merged = {**row_counts, **live_counts}
    for key, row in row_counts.items():
        live = live_counts.get(key)
        if live is not None and set(row.agents) <= AGENT_ENDED:
            merged[key] = UnitCount(
                row.agents,
                max(row.published, live.published),
                larger(row.cpu_seconds, live.cpu_seconds),
                larger(row.memory_peak_bytes, live.memory_peak_bytes),
            )
    return merged
