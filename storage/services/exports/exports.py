"""Requesting, cancelling and removing exports; `exporter` makes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from common.exceptions import FieldError
from common.tasks import enqueue_on_commit
from storage.choices import UNFINISHED, ExportFormat, ExportStatus, Status, sentence
from storage.exceptions import ExportBusyError, ExportInvalidError, ExportNotFoundError
from storage.keys import export_key
from storage.models import MAX_NAME_LENGTH, Export, Rosbag
from storage.objects import object_store
from storage.objects.base import Audience
from storage.services.previews.time_ranges import parse_span
from storage.services.rosbags.files import delete_objects
from storage.services.rosbags.local_copies import require_usable


@dataclass(frozen=True)
class ExportOptions:
    """Options of an export: times as `time_ranges` parses them; no topics: all; no fields: all scalars."""

    format: str
    topics: Sequence[str] = ()
    start: str = ""
    end: str = ""
    fields: Sequence[str] = ()
    latched: bool = True
    name: str = ""


def request(rosbag: Rosbag, options: ExportOptions, *, created_by: Any = None) -> Export:
    """Create an export and enqueue the work.

    Raises:
        RosbagUnreadyError: The data cannot be read.
        SpanInvalidError: The time range is invalid.
        ExportInvalidError: A topic does not exist, or fields are given for a format other than csv.
    """
    require_usable(rosbag)
    if options.fields and options.format != ExportFormat.CSV:
        detail = _("Fields are only for tables: leave them out, or choose the format csv.")
        raise ExportInvalidError(detail, [FieldError("/fields", detail, "EXPORT_INVALID")])
    topics = _check_topics(rosbag, options.topics)
    start, end = parse_span(rosbag, options.start, options.end)
    export = Export.objects.create(
        source=rosbag,
        format=options.format,
        topics=topics,
        start_ns=start,
        end_ns=end,
        fields=list(dict.fromkeys(options.fields)),
        latched=options.latched,
        name=(options.name or _name(rosbag, options))[:MAX_NAME_LENGTH],
        created_by=created_by,
        enqueued_at=timezone.now(),
    )
    enqueue_on_commit("storage.tasks.make_export", export.pk)
    return export


def find(export_id: int) -> Export:
    """Find an export whose rosbag is not deleted.

    Raises:
        ExportNotFoundError: There is no such export.
    """
    exports = Export.objects.filter(source__deleted_at=None).select_related("created_by", "source")
    export = exports.filter(pk=export_id).first()
    if export is None:
        raise ExportNotFoundError(_("There is no export with this id, or its rosbag was deleted."))
    return export


def cancel(export: Export) -> Export:
    """Cancel an export; one that has ended stays as it is. A running worker notices within seconds."""
    unfinished().filter(pk=export.pk).update(
        status=ExportStatus.CANCELLED, ended_at=timezone.now(), lease_until=None
    )
    export.refresh_from_db()
    return export


def remove(export: Export) -> None:
    """Remove an export that has ended, with its table; the rosbag that it produced stays.

    Raises:
        ExportBusyError: It has not ended.
    """
    ended = Export.objects.filter(pk=export.pk).exclude(status__in=UNFINISHED)
    if not ended.delete()[0] and Export.objects.filter(pk=export.pk).exists():
        raise ExportBusyError(_("This export is being made: cancel it first."))
    delete_objects(export_key(export.pk))


def unfinished() -> QuerySet[Export]:
    """Exports that are pending or running."""
    return Export.objects.filter(status__in=UNFINISHED)


def whole_mcap(rosbag: Rosbag, *, unfinished: bool = False) -> Export | None:
    """Find the newest export of all of a rosbag as one MCAP file, finished or not."""
    start = rosbag.start_ns or 0
    rows = rosbag.exports.select_related("result").filter(
        format=ExportFormat.MCAP,
        topics=[],
        start_ns__lte=start,
        end_ns__gte=start + (rosbag.duration_ns or 0),
    )
    if unfinished:
        return rows.filter(status__in=UNFINISHED).first()
    return rows.filter(status=ExportStatus.DONE, result__deleted_at=None).first()


def sign_url(export: Export, *, audience: Audience) -> str:
    """Sign a URL of a finished export's MCAP file or table; empty when there is none.

    A sqlite3 rosbag has several files: it is downloaded by its files or as an archive.
    """
    if export.status != ExportStatus.DONE:
        return ""
    if export.file:
        filename = export.file.rpartition("/")[2]
        return object_store().sign_download(export.file, audience=audience, filename=filename)
    result = export.result
    if result is None or result.deleted_at is not None or export.format != ExportFormat.MCAP:
        return ""
    file = result.files.filter(path__endswith=".mcap").first()
    if file is None or result.status == Status.UPLOADING:
        return ""
    return object_store().sign_download(file.key, audience=audience, filename=file.path)


def _check_topics(rosbag: Rosbag, topics: Sequence[str]) -> list[str]:
    names = set(rosbag.topics.values_list("name", flat=True))
    errors = [
        FieldError(f"/topics/{index}", sentence("TOPIC_UNKNOWN", {"reason": name}), "TOPIC_UNKNOWN")
        for index, name in enumerate(topics)
        if name not in names
    ]
    if errors:
        raise ExportInvalidError(_("Some topics are not in this rosbag: see its list."), errors)
    return list(dict.fromkeys(topics))


def _name(rosbag: Rosbag, options: ExportOptions) -> str:
    is_partial = bool(options.topics or options.start or options.end)
    name = _("%(name)s (part)") if is_partial else _("%(name)s (export)")
    return name % {"name": rosbag.name[: MAX_NAME_LENGTH - 20]}
