"""Permanent removal of deleted designs, and of run data older than its retention."""

from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.deletion import ProtectedError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.services import idempotency, revocations
from simulations.choices import ACTIVE, ENDED, DataStatus, DeletionStatus
from simulations.exceptions import DeletionOpenError
from simulations.models import AgentRun, Event, Execution, LinkProbe, Simulation, StageRun
from simulations.services.maintenance import deletion
from simulations.services.plan import plan_of
from simulations.services.runs.active_stage import ActiveStage
from storage.choices import Origin
from storage.exceptions import RosbagInUseError
from storage.models import Rosbag
from storage.services.intake.abandoning import abandon_stale
from storage.services.rosbags import deletion as rosbags
from templates.models import Template
from templates.services import templates

TASK_RETENTION = timedelta(days=14)
"""Time for which the result of a background task is kept."""

REQUEST_RETENTION = timedelta(days=1)
"""Time for which the keys of requests, and requested tests of MECs, are kept; results are with the MECs."""


def purge(older_than: timedelta) -> dict[str, int]:
    """Permanently remove simulations, templates and rosbags that were deleted before a time.

    Executions and recordings of a simulation, and the folders of its units, are removed with it.

    Returns:
        Numbers of removed rows, by kind.
    """
    limit = timezone.now() - older_than
    removed = Counter(simulations=0, templates=0)
    ended = Simulation.objects.exclude(executions__status__in=ACTIVE)
    for simulation in ended.filter(deleted_at__lt=limit):
        with suppress(DeletionOpenError):  # a worker removes it already
            request = deletion.request(simulation, permanent=True)
            removed["simulations"] += deletion.run(request.pk) == DeletionStatus.COMPLETED
    for template in Template.objects.filter(deleted_at__lt=limit):
        if templates.use_checks.reason(template):
            continue
        try:
            template.delete()
            removed["templates"] += 1
        except ProtectedError:
            continue  # a stage uses it
    removed["rosbags"] = rosbags.purge(older_than)
    return dict(removed)


def prune() -> dict[str, int]:
    """Remove data that is older than its retention.

    The folders of units stay while an execution is active, or its recordings are not all in storage.

    Returns:
        Numbers of removed rows, folders and keys, by kind.
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
    removed["uploads"] = abandon_stale()
    tasks = DBTaskResult.objects.finished().filter(finished_at__lt=timezone.now() - TASK_RETENTION)
    removed["tasks"] = tasks.delete()[0]
    removed["idempotency_keys"] = idempotency.prune(REQUEST_RETENTION)
    removed["revoked_sign_ins"] = revocations.prune()
    probes = LinkProbe.objects.filter(created_at__lt=timezone.now() - REQUEST_RETENTION)
    removed["link_probes"] = probes.delete()[0]
    return dict(removed)


def _limit(kind: str) -> datetime:
    return timezone.now() - timedelta(days=settings.RETENTION_DAYS[kind])


def _delete_recordings(condition: Q) -> int:
    count = 0
    for rosbag in Rosbag.objects.living().filter(condition, origin=Origin.RECORDED):
        with suppress(RosbagInUseError):
            rosbags.delete(rosbag)
            count += 1
    return count


def _prune_folders() -> int:
    old = Execution.objects.filter(status__in=ENDED, ended_at__lt=_limit("logs"))
    complete = old.exclude(data_status=DataStatus.INCOMPLETE)
    return _remove_folders(StageRun.objects.filter(execution__in=complete))


def _remove_folders(stage_runs: QuerySet[StageRun]) -> int:
    """Remove what the units of stage runs have left at their backend, and return the number."""
    removed = 0
    for stage_run in stage_runs.select_related("execution"):
        removed += ActiveStage(stage_run, plan_of(stage_run.execution)).remove_leftovers()
    return removed
