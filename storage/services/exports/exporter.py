"""Making an export: a child process writes it, then it is stored. It may be done twice, killed anywhere."""

import json
import time
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext as _

from common.db import leases
from common.db.leases import Lease, LeaseLostError
from storage.choices import ExportFormat, ExportStatus, Origin, Status
from storage.exceptions import ExportNotFoundError, PreviewError, StorageError
from storage.keys import export_key, object_key
from storage.models import Export, Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import StoreError
from storage.services.exports.exports import unfinished
from storage.services.previews import child
from storage.services.rosbags.deduplication import settle
from storage.services.rosbags.deletion import discard
from storage.services.rosbags.digest import HashingReader, content_digest
from storage.services.rosbags.downloads import folder_name
from storage.services.rosbags.local_copies import local_copy
from storage.services.rosbags.work_folders import work_folder

log = structlog.get_logger(__name__)

REPORT_SECONDS = 1.0
LIMITS = child.Limits(cpu_seconds=24 * 3600.0, wall_seconds=24 * 3600.0)
WRITING = 0.9
"""The share of the progress that is writing; the rest is storing."""


def run(export_id: int) -> Export:
    """Make an export that waits, unless somebody is at it; the answer is its row as it is then.

    Raises:
        ExportNotFoundError: no such row.
        StoreError: the storage or the disk is away or full; it waits on.
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
        return _made(export, lease)
    except (StoreError, OSError, DatabaseError, LeaseLostError):
        raise  # it says nothing about the export
    except StorageError as error:
        details = {"reason": str(error)}
        return _failed(error.code, getattr(error, "details", details))
    except Exception:
        log.exception("export_failed", export=export.pk)
        return _failed("EXPORT_FAILED", {})


def _made(export: Export, lease: Lease) -> dict[str, Any]:
    """Write and store it; the answer is what to note of it."""
    if export.attempts > leases.MAX_ATTEMPTS:
        return _failed("EXPORT_BROKE_OFF", {"attempts": export.attempts - 1})
    if export.result is not None and export.result.status != Status.UPLOADING:
        return _done(export.result)  # stored by a worker that was killed right then
    _drop_result(export)
    with work_folder("exporting", export.pk) as folder:
        name = folder_name(Rosbag(pk=export.pk, name=export.name))
        target = folder / (f"{name}.csv" if export.format == ExportFormat.CSV else name)
        written = _write(export, lease, target)
        lease.write(progress=WRITING, message_count=written)
        if export.format == ExportFormat.CSV:
            return _store_table(export, target)
        return _store_rosbag(export, lease, target)


def _write(export: Export, lease: Lease, target: Path) -> int:
    """Have the child write it; the answer is the number of messages or rows."""
    topics = export.topics or None
    counted = export.source.topics.filter(name__in=topics) if topics else export.source.topics.all()
    share = _share(export)
    expected = max(1.0, share * sum(counted.values_list("message_count", flat=True)))
    progress: dict[str, int] = {"written": 0}
    reported = time.monotonic()
    with local_copy(export.source) as source:
        for line in child.lines(_job(export, source, target), LIMITS):
            progress = json.loads(line)
            if lease.lost:
                raise LeaseLostError
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                _refuse_large(target)
                part = WRITING * min(1.0, progress["read"] / expected)
                lease.write(progress=round(part, 4), message_count=progress["written"])
    _refuse_large(target)
    return progress["written"]


def _share(export: Export) -> float:
    """Which part of the rosbag's time is asked for."""
    whole = export.source.duration_ns or 0
    return (export.end_ns - export.start_ns + 1) / (whole + 1) if whole else 1.0


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


def _refuse_large(target: Path) -> None:
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
    rosbag = Rosbag.objects.create(
        name=export.name,
        origin=Origin.EXPORTED,
        original=export.source,
        status=Status.UPLOADING,
        created_by=export.created_by,
    )
    export.result = rosbag
    lease.write(result=rosbag)
    files = [_store(rosbag, path) for path in sorted(folder.iterdir())]
    digest = content_digest((file.path, file.sha256) for file in files)
    settle(rosbag, digest, size=sum(file.size for file in files))
    rosbag.refresh_from_db()
    return _done(rosbag)


def _store(rosbag: Rosbag, path: Path) -> RosbagFile:
    key = object_key(rosbag.pk, path.name)
    with path.open("rb") as stream:
        reader = HashingReader(stream)
        object_store().put(key, reader)  # type: ignore[arg-type]
    return RosbagFile.objects.create(
        rosbag=rosbag, path=path.name, size=reader.size, sha256=reader.sha256, key=key
    )


def _done(rosbag: Rosbag) -> dict[str, Any]:
    return {"status": ExportStatus.DONE, "progress": 1.0, "size": rosbag.size}


def _failed(code: str, details: dict[str, Any]) -> dict[str, Any]:
    return {"status": ExportStatus.FAILED, "code": code, "details": details}


def _drop_result(export: Export) -> None:
    """Remove what an attempt that did not end has stored of the new rosbag."""
    result = export.result
    if result is not None and result.status == Status.UPLOADING:
        export.result = None
        discard(result)
