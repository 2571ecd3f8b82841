"""Progress of many executions for lists: one call of Redis for all, without rows of agents."""

from collections.abc import Iterable

import msgspec

from simulations.choices import ENDED
from simulations.exceptions import RedisUnreachableError
from simulations.live import progress as live_progress
from simulations.models import Execution
from simulations.services.progress.calculation import Progress
from simulations.services.progress.progress import CachedProgress, calculate_now, inputs_of


def percent_by_id(executions: Iterable[Execution]) -> dict[int, float]:
    """Percent of each execution that has not ended; see `progress_of_all`."""
    return {pk: progress.overall for pk, progress in progress_of_all(executions).items()}


def progress_of_all(executions: Iterable[Execution]) -> dict[int, Progress]:
    """The progress of each execution that has not ended, by id; empty while Redis does not answer.

    A recently cached progress is used. Otherwise it is calculated from the unit counts in Redis; agents that
    only the database knows (a lost one, after Redis was emptied) count as pending, and outages are left out.
    """
    ids = {execution.pk for execution in executions if execution.status not in ENDED}
    if not ids:
        return {}
    try:
        rows = live_progress.cached_with_counts(sorted(ids))
    except RedisUnreachableError:
        return {}
    cached = {
        pk: msgspec.json.decode(value, type=CachedProgress)
        for pk, (value, _counts) in rows.items()
        if value
    }
    progress = {pk: entry.progress for pk, entry in cached.items() if entry.is_recent}
    if outdated := ids - progress.keys():
        stale = Execution.objects.filter(pk__in=outdated).defer("outcome")
        for execution in stale.prefetch_related("stage_runs"):
            counts = rows[execution.pk][1]
            progress[execution.pk] = calculate_now(
                execution,
                inputs_of(execution, with_outages=False),
                counts,
                cached.get(execution.pk),
            )
    return progress
