"""Objects of executions that are over, which a controller could not remove or was killed before it did."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from simulations.backends import backend
from simulations.choices import ENDED
from simulations.models import Execution, StageRun
from simulations.services.plan import plan_of
from simulations.services.runs.active_stage import ActiveStage

RECENT = timedelta(days=7)
"""Time after the end of an execution in which objects are looked for that no list shows."""


def remove_leftovers() -> int:
    """Remove what is left in the cluster of executions that are over or unknown, and return its number.

    Raises:
        BackendError: The backend cannot be used now.
    """
    units = backend(settings.BACKEND)
    removed = units.remove_others(_active)
    if units.controller_only:
        removed += sum(remove_job(active) for active in _never_launched())
    return removed


def remove_job(active: ActiveStage, *, keep_recordings: bool = False) -> int:
    """Remove the objects of an ended stage run, and return their number.

    One whose launch was never completed gets a handle too: nothing is left of it.

    Raises:
        BackendError: The backend cannot be used now.
    """
    removed = active.backend.remove(active.job, keep_recordings=keep_recordings)
    StageRun.objects.filter(pk=active.stage_run.pk, handle="").update(handle=active.job.name)
    return removed


def _active() -> set[int]:
    return set(Execution.objects.active().values_list("pk", flat=True))


def _never_launched() -> list[ActiveStage]:
    """Ended stage runs whose launch was only begun: they may have a Secret without a Job."""
    rows = StageRun.objects.filter(
        handle="",
        prepared_at__isnull=False,
        status__in=ENDED,
        execution__ended_at__gt=timezone.now() - RECENT,
    )
    found = rows.select_related("execution")
    return [ActiveStage(stage_run, plan_of(stage_run.execution)) for stage_run in found]
