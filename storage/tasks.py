"""What storage does in the background."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from storage.choices import ExportStatus, Status
from storage.models import Export, Rosbag
from storage.objects.base import StoreError
from storage.services.exports import exporter, exports
from storage.services.intake import uploads
from storage.services.verification import verifier

log = structlog.get_logger(__name__)


@task()
def verify_rosbag(rosbag_id: int) -> str:
    """Verify a rosbag; the answer is its status. Running it twice, or at once, does no harm."""
    return verifier.run(rosbag_id).status


@task()
def make_export(export_id: int) -> str:
    """Make an export; the answer is its status. Running it twice, or at once, does no harm."""
    export = exporter.run(export_id)
    result = export.result
    if export.status == ExportStatus.DONE and result and result.status == Status.VERIFYING:
        request_verification(result.pk)
    return export.status


@task()
def abandon_upload(rosbag_id: int) -> bool:
    """Give up an upload that nobody goes on with; False when somebody did, or the storage is away."""
    rosbag = uploads.stale(uploads.STALE).filter(pk=rosbag_id).first()
    try:
        return rosbag is not None and uploads.abandon(rosbag)
    except StoreError as error:
        log.warning("upload_not_abandoned", rosbag=rosbag_id, error=str(error))
        return False


def request_verification(rosbag_id: int) -> None:
    """Ask for a rosbag to be verified, once the transaction at hand is committed."""
    Rosbag.objects.filter(pk=rosbag_id).update(enqueued_at=timezone.now())
    transaction.on_commit(lambda: verify_rosbag.enqueue(rosbag_id))


def request_export(export_id: int) -> None:
    """Ask for an export to be made, once the transaction at hand is committed."""
    Export.objects.filter(pk=export_id).update(enqueued_at=timezone.now())
    transaction.on_commit(lambda: make_export.enqueue(export_id))


def take_up_overdue() -> int:
    """Ask again for what no worker holds and was asked for longer than a lease ago.

    The answer is how many. Three cheap queries when there is nothing; call it every few seconds. Uploads that
    nobody went on with for a day are given up on the way, by a worker.
    """
    now = timezone.now()
    for rosbag_id in uploads.claim_stale(now):
        abandon_upload.enqueue(rosbag_id)
    asked_before = now - timedelta(seconds=settings.TASK_LEASE_SECONDS)
    overdue = Rosbag.objects.overdue(now, asked_before)
    taken = 0
    for rosbag_id in list(overdue.values_list("pk", flat=True)[:100]):
        # Two controllers may look at once: the one whose update counts asks.
        if overdue.filter(pk=rosbag_id).update(enqueued_at=now):
            _end_lost_tasks(verify_rosbag, rosbag_id)
            verify_rosbag.enqueue(rosbag_id)
            log.info("verification_taken_up", rosbag=rosbag_id)
            taken += 1
    return taken + _take_up_exports(now, asked_before)


def _take_up_exports(now: datetime, asked_before: datetime) -> int:
    overdue = exports.overdue(now, asked_before)
    taken = 0
    for export_id in list(overdue.values_list("pk", flat=True)[:100]):
        if overdue.filter(pk=export_id).update(enqueued_at=now):
            _end_lost_tasks(make_export, export_id)
            make_export.enqueue(export_id)
            log.info("export_taken_up", export=export_id)
            taken += 1
    return taken


def _end_lost_tasks(lost_task: Any, argument: int) -> None:
    """Mark as failed what a killed worker left running: nobody holds the lease of its row."""
    lost = DBTaskResult.objects.filter(
        status=TaskResultStatus.RUNNING,
        task_path=lost_task.module_path,
        args_kwargs={"args": [argument], "kwargs": {}},
    )
    lost.update(
        status=TaskResultStatus.FAILED,
        finished_at=timezone.now(),
        traceback="The worker was lost; the work was given to another.",
    )
