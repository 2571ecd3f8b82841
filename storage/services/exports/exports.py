"""Exports: asked for, cancelled, removed. `export_work` makes them."""

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
from storage.services.previews.time_ranges import span_of
from storage.services.rosbags.local_copies import require_usable


@dataclass(frozen=True)
class ExportAsked:
    """What is asked for: times as `spans` reads them; no topics: all; no fields: all scalars."""

    format: str
    topics: Sequence[str] = ()
    start: str = ""
    end: str = ""
    fields: Sequence[str] = ()
    latched: bool = True
    name: str = ""


def request(rosbag: Rosbag, asked: ExportAsked, *, created_by: Any = None) -> Export:
    """Have a worker make an export.

    Raises:
        RosbagUnreadyError: the data cannot be read.
        SpanInvalidError: no time, or nothing lies there.
        ExportInvalidError: topics that are not there, fields where no table is asked for.
    """
    require_usable(rosbag)
    if asked.fields and asked.format != ExportFormat.CSV:
        detail = _("Fields make a table: leave them out, or ask for the format csv.")
        raise ExportInvalidError(detail, [FieldError("/fields", detail, "EXPORT_INVALID")])
    topics = _known(rosbag, asked.topics)
    start, end = span_of(rosbag, asked.start, asked.end)
    export = Export.objects.create(
        source=rosbag,
        format=asked.format,
        topics=topics,
        start_ns=start,
        end_ns=end,
        fields=list(dict.fromkeys(asked.fields)),
        latched=asked.latched,
        name=(asked.name or _name(rosbag, asked))[:MAX_NAME_LENGTH],
        created_by=created_by,
        enqueued_at=timezone.now(),
    )
    enqueue_on_commit("storage.tasks.make_export", export.pk)
    return export


def find(export_id: int) -> Export:
    """The export of an id, unless its rosbag was deleted (ExportNotFoundError)."""
    living = Export.objects.filter(source__deleted_at=None).select_related("created_by", "source")
    found = living.filter(pk=export_id).first()
    if found is None:
        raise ExportNotFoundError(_("There is no export with this id, or its rosbag was deleted."))
    return found


def cancel(export: Export) -> Export:
    """Let it not be made; one that has ended stays as it is. A worker at it notices within seconds."""
    unfinished().filter(pk=export.pk).update(
        status=ExportStatus.CANCELLED, ended_at=timezone.now(), lease_until=None
    )
    export.refresh_from_db()
    return export


def remove(export: Export) -> None:
    """Remove an export that has ended, with its table; a rosbag that it became stays.

    Raises:
        ExportBusyError: it has not ended.
    """
    ended = Export.objects.filter(pk=export.pk).exclude(status__in=UNFINISHED)
    if not ended.delete()[0] and Export.objects.filter(pk=export.pk).exists():
        raise ExportBusyError(_("This export is being made: cancel it first."))
    store = object_store()
    store.delete([found.key for found in store.list(export_key(export.pk))])


def unfinished() -> QuerySet[Export]:
    """Exports that are to be made, or are being made."""
    return Export.objects.filter(status__in=UNFINISHED)


def address(export: Export, *, audience: Audience) -> str:
    """Where the file of a finished export is read for a while: the MCAP file or the table; else empty.

    A rosbag in sqlite3 is read by its files or its archive.
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


def _known(rosbag: Rosbag, topics: Sequence[str]) -> list[str]:
    known = set(rosbag.topics.values_list("name", flat=True))
    errors = [
        FieldError(f"/topics/{at}", sentence("TOPIC_UNKNOWN", {"reason": name}), "TOPIC_UNKNOWN")
        for at, name in enumerate(topics)
        if name not in known
    ]
    if errors:
        raise ExportInvalidError(_("Some topics are not in this rosbag: see its list."), errors)
    return list(dict.fromkeys(topics))


def _name(rosbag: Rosbag, asked: ExportAsked) -> str:
    part = bool(asked.topics or asked.start or asked.end)
    name = _("%(name)s (part)") if part else _("%(name)s (export)")
    return name % {"name": rosbag.name[: MAX_NAME_LENGTH - 20]}
