"""What is removed for good: deleted designs, and runs older than their retention."""

from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.deletion import ProtectedError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.services import idempotency
from simulations.choices import ACTIVE, ENDED, DataStatus, DeletionStatus
from simulations.exceptions import DeletionOpenError
from simulations.models import AgentRun, Event, Execution, Simulation, StageRun
from simulations.services.maintenance import deletion
from simulations.services.plan import plan_of
from simulations.services.runs.active_stage import ActiveStage
from storage.choices import Origin
from storage.models import Rosbag
from storage.services.intake import uploads
from storage.services.rosbags import deletion as rosbags
from templates.models import Template

DONE_TASK = timedelta(days=14)
"""How long one may read what became of a background task."""


def purge(older_than: timedelta) -> dict[str, int]:
    """Remove what was deleted longer ago than this; the answer counts rows by kind.

    With a simulation go its executions and recordings, and what units left behind.
    """
    limit = timezone.now() - older_than
    removed = Counter(simulations=0, templates=0)
    over = Simulation.objects.exclude(executions__status__in=ACTIVE)
    for simulation in over.filter(deleted_at__lt=limit):
        with suppress(DeletionOpenError):  # a worker is at it
            asked = deletion.request(simulation, permanent=True)
            # not counted when a worker is first
            removed["simulations"] += deletion.run(asked.pk) == DeletionStatus.COMPLETED
    for template in Template.objects.filter(deleted_at__lt=limit):
        try:
            template.delete()
            removed["templates"] += 1
        except ProtectedError:
            continue  # a stage that lives still names it
    removed["rosbags"] = rosbags.purge(older_than)
    return dict(removed)


def prune() -> dict[str, int]:
    """Carry the retention out, class by class of data; the answer counts what went.

    A run that has not ended, or whose recordings are not all in storage, keeps its units' folders.
    """
    removed: Counter[str] = Counter()
    ended = Q(stage_run__execution__status__in=ENDED)
    events = Event.objects.exclude(execution__status__in=ACTIVE).filter(time__lt=_limit("events"))
    removed["events"] = events.delete()[0]
    runs = AgentRun.objects.filter(ended, ended_at__lt=_limit("agent_runs"))
    removed["agent_runs"] = runs.delete()[0]
    logs = AgentRun.objects.filter(ended, ended_at__lt=_limit("logs")).exclude(last_log="")
    removed["logs"] = logs.update(last_log="")
    removed["unit_folders"] = _prune_folders()
    removed["recordings"] = _delete_recordings(
        Q(created_at__lt=_limit("recordings"), recording__stage_run__execution__status__in=ENDED)
    )
    removed["uploads"] = uploads.abandon_stale()
    over = DBTaskResult.objects.finished().filter(finished_at__lt=timezone.now() - DONE_TASK)
    removed["tasks"] = over.delete()[0]
    removed["idempotency_keys"] = idempotency.prune(timedelta(days=1))
    return dict(removed)


def _limit(kind: str) -> datetime:
    return timezone.now() - timedelta(days=settings.RETENTION_DAYS[kind])


def _delete_recordings(which: Q) -> int:
    recorded = Rosbag.objects.living().filter(which, origin=Origin.RECORDED)
    count = 0
    for rosbag in recorded:
        rosbags.delete(rosbag)
        count += 1
    return count


def _prune_folders() -> int:
    old = Execution.objects.filter(status__in=ENDED, ended_at__lt=_limit("logs"))
    whole = old.exclude(data_status=DataStatus.INCOMPLETE)
    return _remove_folders(StageRun.objects.filter(execution__in=whole))


def _remove_folders(stage_runs: QuerySet[StageRun]) -> int:
    """Remove what the units of these stage runs left on their machines; the answer is how many."""
    removed = 0
    for stage_run in stage_runs.select_related("execution"):
        active = ActiveStage(stage_run, plan_of(stage_run.execution))
        removed += active.backend.remove(active.job)
    return removed
