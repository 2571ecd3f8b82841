"""Making exports: a child process writes the files, then they are stored; safe to kill and repeat."""

import json
import time
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from common.db import leases
from common.db.leases import Lease, LeaseLostError
from storage.choices import ExportFormat, ExportStatus, Origin, Status
from storage.exceptions import ExportNotFoundError, PreviewError, StorageError
from storage.keys import export_key
from storage.models import Export, Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import StoreError
from storage.services.exports.exports import unfinished
from storage.services.previews import child
from storage.services.rosbags.deduplication import verify_unless_duplicate
from storage.services.rosbags.deletion import discard
from storage.services.rosbags.digest import content_digest
from storage.services.rosbags.downloads import folder_name
from storage.services.rosbags.files import store_folder
from storage.services.rosbags.local_copies import local_copy
from storage.services.rosbags.work_folders import work_folder

log = structlog.get_logger(__name__)

REPORT_SECONDS = 1.0
LIMITS = child.Limits(cpu_seconds=24 * 3600.0, wall_seconds=24 * 3600.0)
WRITING = 0.9
"""Share of the progress for writing; the rest is for storing."""


def run(export_id: int) -> Export:
    """Make an unfinished export, unless another worker holds it.

    Returns:
        The export in its new state.

    Raises:
        ExportNotFoundError: There is no such export.
        StoreError: The storage or the disk is unavailable or full; the export stays pending.
    """
    lease = leases.claim(
        unfinished(), export_id, release_on=(StoreError, OSError), status=ExportStatus.RUNNING
    )
    if lease is not None:
        _work(lease)
    export = Export.objects.filter(pk=export_id).select_related("result", "source").first()
    if export is None:
        raise ExportNotFoundError(_("There is no export %(id)d.") % {"id": export_id})
    return export


def _work(lease: Lease) -> None:
    export = Export.objects.select_related("source", "result", "created_by").get(pk=lease.pk)
    try:
        with lease:
            outcome = _outcome(export, lease)
            if outcome["status"] == ExportStatus.FAILED:
                _drop_result(export)
            lease.finish(**outcome, ended_at=timezone.now())
    except LeaseLostError:
        log.info("export_given_up", export=export.pk)
        _drop_result(export)
    except (StoreError, OSError) as error:
        log.warning("export_waits", export=export.pk, error=str(error))
        raise StoreError(str(error)) from error


def _outcome(export: Export, lease: Lease) -> dict[str, Any]:
    try:
        return _make(export, lease)
    except (StoreError, OSError, DatabaseError, LeaseLostError):
        raise  # not a fault of the export
    except StorageError as error:
        details = {"reason": str(error)}
        return _failed(error.code, getattr(error, "details", details))
    except Exception:
        log.exception("export_failed", export=export.pk)
        return _failed("EXPORT_FAILED", {})


def _make(export: Export, lease: Lease) -> dict[str, Any]:
    """Write and store an export.

    Returns:
        The fields to write to its row.
    """
    if export.attempts > leases.MAX_ATTEMPTS:
        return _failed("EXPORT_BROKE_OFF", {"attempts": export.attempts - 1})
    if export.result is not None and export.result.status != Status.UPLOADING:
        return _done(export.result)  # stored by a worker that was killed right after
    _drop_result(export)
    with work_folder("exporting", export.pk) as folder:
        name = folder_name(Rosbag(pk=export.pk, name=export.name))
        target = folder / (f"{name}.csv" if export.format == ExportFormat.CSV else name)
        message_count = _write(export, lease, target)
        lease.write(progress=WRITING, message_count=message_count)
        if export.format == ExportFormat.CSV:
            return _store_table(export, target)
        return _store_rosbag(export, lease, target)


def _write(export: Export, lease: Lease, target: Path) -> int:
    """Write the export in a child process.

    Returns:
        The number of messages or table rows.
    """
    topics = export.topics or None
    counted = export.source.topics.filter(name__in=topics) if topics else export.source.topics.all()
    share = _share(export)
    expected = max(1.0, share * sum(counted.values_list("message_count", flat=True)))
    progress: dict[str, int] = {"written": 0}
    reported_at = time.monotonic()
    with local_copy(export.source) as source:
        for line in child.lines(_job(export, source, target), LIMITS):
            progress = json.loads(line)
            if lease.lost:
                raise LeaseLostError
            if time.monotonic() - reported_at >= REPORT_SECONDS:
                reported_at = time.monotonic()
                _check_size(target)
                part = WRITING * min(1.0, progress["read"] / expected)
                lease.write(progress=round(part, 4), message_count=progress["written"])
    _check_size(target)
    return progress["written"]


def _share(export: Export) -> float:
    """The exported share of the rosbag's duration."""
    duration = export.source.duration_ns or 0
    return (export.end_ns - export.start_ns + 1) / (duration + 1) if duration else 1.0


def _job(export: Export, source: Path, target: Path) -> child.Job:
    return {
        "name": "export",
        "folder": str(source),
        "ros_distro": export.source.ros_distro,
        "target": str(target),
        "format": export.format,
        "topics": export.topics or None,
        "span": [export.start_ns, export.end_ns],
        "fields": export.fields,
        "latched": export.latched,
    }


def _check_size(target: Path) -> None:
    files = target.rglob("*") if target.is_dir() else iter([target])
    size = sum(path.stat().st_size for path in files if path.is_file())
    if size > settings.EXPORT_BYTES:
        raise PreviewError("EXPORT_TOO_LARGE", "", details={"most": settings.EXPORT_BYTES})


def _store_table(export: Export, file: Path) -> dict[str, Any]:
    key = export_key(export.pk, file.name)
    with file.open("rb") as stream:
        object_store().put(key, stream)
    return {
        "status": ExportStatus.DONE,
        "progress": 1.0,
        "file": key,
        "size": file.stat().st_size,
    }


def _store_rosbag(export: Export, lease: Lease, folder: Path) -> dict[str, Any]:
    with transaction.atomic():
        rosbag = Rosbag.objects.create(
            name=export.name,
            origin=Origin.EXPORTED,
            original=export.source,
            status=Status.UPLOADING,
            created_by=export.created_by,
        )
        lease.write(result=rosbag)
    export.result = rosbag
    files = store_folder(rosbag, folder, sorted(path.name for path in folder.iterdir()))
    RosbagFile.objects.bulk_create(files, batch_size=500)
    digest = content_digest((file.path, file.sha256) for file in files)
    verify_unless_duplicate(rosbag, digest, size=sum(file.size for file in files))
    rosbag.refresh_from_db()
    return _done(rosbag)


def _done(rosbag: Rosbag) -> dict[str, Any]:
    return {"status": ExportStatus.DONE, "progress": 1.0, "size": rosbag.size}


def _failed(code: str, details: dict[str, Any]) -> dict[str, Any]:
    return {"status": ExportStatus.FAILED, "code": code, "details": details}


def _drop_result(export: Export) -> None:
    """Remove the new rosbag of an attempt that did not finish."""
    result = export.result
    if result is not None and result.status == Status.UPLOADING:
        export.result = None
        discard(result)
