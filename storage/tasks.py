"""Background tasks of the storage app."""

import structlog
from django_tasks import task

from common import recovery
from storage.models import Rosbag
from storage.objects.base import StoreError
from storage.services.exports import exporter, exports
from storage.services.intake import abandoning
from storage.services.verification import verifier

log = structlog.get_logger(__name__)


@task()
def verify_rosbag(rosbag_id: int) -> str:
    """Verify a rosbag and return its status. Repeated and concurrent runs are safe."""
    return verifier.run(rosbag_id).status


@task()
def make_export(export_id: int) -> str:
    """Make an export and return its status. Repeated and concurrent runs are safe."""
    return exporter.run(export_id).status


@task()
def abandon_upload(rosbag_id: int) -> bool:
    """Abort an upload; False if it is active or in use, or the storage is unavailable."""
    rosbag = abandoning.unfinished().filter(pk=rosbag_id).first()
    try:
        return rosbag is not None and abandoning.abandon_unless_used(rosbag)
    except StoreError as error:
        log.warning("upload_not_abandoned", rosbag=rosbag_id, error=str(error))
        return False


recovery.register("storage.tasks.verify_rosbag", Rosbag.objects.verifying)
recovery.register("storage.tasks.make_export", exports.unfinished)
recovery.register("storage.tasks.abandon_upload", abandoning.unfinished, hold=True)
