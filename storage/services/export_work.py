"""Making an export: a child process writes it, then it is stored. It may be done twice and killed anywhere.

The row's `lease_until` is lease and fence in one, as for verification.
"""

import json
import time
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from storage.choices import UNFINISHED, ExportFormat, ExportStatus, Origin, Status
from storage.client import object_store
from storage.client.base import StoreError
from storage.exceptions import ExportNotFoundError, PreviewError, StorageError
from storage.keys import export_key, object_key
from storage.models import Export, Rosbag, RosbagFile
from storage.services import child
from storage.services.bag_cache import local_copy
from storage.services.deletion import discard
from storage.services.digest import HashingReader, content_digest
from storage.services.downloads import folder_name
from storage.services.sameness import settle
from storage.services.work_folders import work_folder

log = structlog.get_logger(__name__)

MOST_BEGUN = 5
"""How often an export may kill its worker before nobody takes it up any more."""
REPORT_SECONDS = 1.0
LIMITS = child.Limits(cpu_seconds=24 * 3600.0, wall_seconds=24 * 3600.0)
WRITING = 0.9
"""The share of the progress that is writing; the rest is storing."""


class LostError(Exception):
    """The export was cancelled, or another worker has it: nothing more counts."""


def run(export_id: int) -> Export:
    """Make an export that waits, unless somebody is at it; the answer is its row as it is then.

    Raises:
        ExportNotFoundError: no such row.
        StoreError: the storage or the disk is away or full; it waits on.
    """
    until = _end()
    now = timezone.now()
    free = Export.objects.filter(Q(lease_until=None) | Q(lease_until__lte=now))
    taken = free.filter(pk=export_id, status__in=UNFINISHED).update(
        status=ExportStatus.RUNNING, lease_until=until, begun=F("begun") + 1
    )
    if taken:
        _work(_Hold(export_id, until))
    export = Export.objects.filter(pk=export_id).select_related("result", "source").first()
    if export is None:
        raise ExportNotFoundError(_("There is no export %(id)d.") % {"id": export_id})
    return export


class _Hold:
    """The right to make one export; as a context manager it renews itself in the background."""

    def __init__(self, export_id: int, until: datetime) -> None:
        self.export_id = export_id
        self.until = until
        self.lost = False
        self._ended = Event()
        self._renewing = Thread(target=self._renew_often, name=f"export-{export_id}", daemon=True)

    def __enter__(self) -> "_Hold":
        self._renewing.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._renewing.join()

    def write(self, **fields: Any) -> None:
        """Change the row (LostError: it is not ours any more)."""
        held = Export.objects.filter(
            pk=self.export_id, status=ExportStatus.RUNNING, lease_until=self.until
        )
        if held.update(**fields) != 1:
            raise LostError

    def _renew_often(self) -> None:
        while not self.lost and not self._ended.wait(settings.TASK_LEASE_SECONDS / 3):
            until = _end()
            try:
                self.write(lease_until=until)
                self.until = until
            except LostError:
                self.lost = True
            except DatabaseError as error:
                log.warning("lease_not_renewed", export=self.export_id, error=str(error))
            finally:
                connection.close()  # this thread's own


def _work(hold: _Hold) -> None:
    export = Export.objects.select_related("source", "result", "created_by").get(pk=hold.export_id)
    outcome: dict[str, Any]
    try:
        with hold:
            outcome = _made(export, hold)
    except LostError:
        log.info("export_given_up", export=export.pk)
        _drop_result(export)
        return
    except (StoreError, OSError) as error:
        _wait_again(hold, error)
        raise StoreError(str(error)) from error
    except StorageError as error:
        details = {"reason": str(error)}
        outcome = _failed(error.code, getattr(error, "details", details))
    except DatabaseError:
        raise  # nothing can be written now; the lease ends by itself
    except Exception:
        log.exception("export_failed", export=export.pk)
        outcome = _failed("EXPORT_FAILED", {})
    if outcome["status"] == ExportStatus.FAILED:
        _drop_result(export)
    try:
        hold.write(**outcome, lease_until=None, ended_at=timezone.now())
    except LostError:
        _drop_result(export)


def _wait_again(hold: _Hold, error: Exception) -> None:
    """Let another worker take it, at once: this one was not killed by it."""
    log.warning("export_waits", export=hold.export_id, error=str(error))
    try:
        hold.write(lease_until=None, begun=F("begun") - 1, enqueued_at=timezone.now())
    except LostError:
        return


def _made(export: Export, hold: _Hold) -> dict[str, Any]:
    """Write and store it; the answer is what to note of it."""
    if export.begun > MOST_BEGUN:
        return _failed("EXPORT_BROKE_OFF", {"attempts": export.begun - 1})
    if export.result is not None and export.result.status == Status.VERIFYING:
        return _done(export.result)  # stored by a worker that was killed right then
    _drop_result(export)
    with work_folder("exporting", export.pk) as folder:
        name = folder_name(Rosbag(pk=export.pk, name=export.name))
        target = folder / (f"{name}.csv" if export.format == ExportFormat.CSV else name)
        written = _write(export, hold, target)
        hold.write(progress=WRITING, message_count=written)
        if export.format == ExportFormat.CSV:
            return _store_table(export, target)
        return _store_rosbag(export, hold, target)


def _write(export: Export, hold: _Hold, target: Path) -> int:
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
            if hold.lost:
                raise LostError
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                _refuse_large(target)
                part = WRITING * min(1.0, progress["read"] / expected)
                hold.write(progress=round(part, 4), message_count=progress["written"])
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


def _store_rosbag(export: Export, hold: _Hold, folder: Path) -> dict[str, Any]:
    rosbag = Rosbag.objects.create(
        name=export.name,
        origin=Origin.EXPORTED,
        original=export.source,
        status=Status.UPLOADING,
        created_by=export.created_by,
    )
    export.result = rosbag
    hold.write(result=rosbag)
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


def _end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.TASK_LEASE_SECONDS)
