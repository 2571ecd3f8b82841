"""Admin of rosbags: everything but the name is read-only."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from common.admin import numbers, times
from common.admin.actions import run_action
from common.admin.badges import Tone, badge
from common.admin.changelists import BoundedListMixin, DeletedFilter, is_autocomplete
from common.admin.columns import numeric
from common.admin.deletion import ServiceDeletionMixin
from common.admin.list_filters import titled
from common.admin.rights import right, user_text
from storage.admin import charts
from storage.admin.add_page import AddPage
from storage.admin.export_page import ExportPage
from storage.admin.index import MAX_ROWS, STYLE, FileInline, TopicInline, contents_link
from storage.admin.previews import PreviewPage, frame
from storage.choices import Status
from storage.exceptions import StorageError
from storage.models import Rosbag
from storage.services.rosbags import deletion, renaming
from storage.services.verification import verifier

TONES: dict[str, Tone] = {
    Status.READY: "ok",
    Status.READY_WITH_WARNINGS: "warn",
    Status.REPAIRED: "warn",
    Status.REJECTED: "bad",
}
"""Tones of statuses; the others are under way."""


@admin.register(Rosbag)
class RosbagAdmin(
    AddPage,
    ExportPage,
    PreviewPage,
    ServiceDeletionMixin,
    BoundedListMixin,
    admin.ModelAdmin[Rosbag],
):
    """Rosbags with their verdict and index; only the name can be changed."""

    use_checks = deletion.use_checks
    list_display = [
        "name",
        "status_badge",
        "origin",
        "message_count",
        "duration",
        "bytes",
        "created_at",
    ]
    more_columns = ["ros_distro", "storage_id", "start", user_text("created_by", _("created by"))]
    list_filter = [DeletedFilter, "status", "origin", titled("created_at", _("added"))]
    search_help_text = _("Name, or beginning of the content digest")
    empty_text = _("Rosbags are what agents play. Upload the first one.")
    search_fields = ["name", "^content_digest"]
    list_select_related = ["created_by"]
    inlines = [FileInline, TopicInline]
    actions = ["verify_again", "export_mcap", "export_sqlite3", "restore", "delete_selected"]
    readonly_fields = [
        "archive",
        "export_form",
        "exports",
        "origin",
        "original_link",
        "repaired_link",
        "status",
        "code",
        "verdict",
        "warning_sentences",
        "lost_sentences",
        "storage_id",
        "version",
        "ros_distro",
        "compression",
        "start_ns",
        "duration",
        "message_count",
        "bytes",
        "content_digest",
        user_text("created_by", _("created by")),
        "created_at",
        "updated_at",
        "deleted_at",
        "contents",
        "time_line",
        "preview",
    ]
    hidden_if_empty = frozenset(
        {
            "original_link",
            "repaired_link",
            "code",
            "verdict",
            "warning_sentences",
            "lost_sentences",
            "deleted_at",
        }
    )

    has_verify_permission = right("verify")
    has_restore_permission = right("restore")

    class Media:
        css = STYLE

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rosbag]:
        """All rosbags; for autocomplete fields the usable ones."""
        rows = super().get_queryset(request)
        return rows & Rosbag.objects.usable() if is_autocomplete(request) else rows

    def get_fields(self, request: HttpRequest, obj: Rosbag | None = None) -> list[Any]:
        """Leave out fields that are empty for most rosbags, and the export without the right to it."""
        may_export = self.has_export_permission(request)
        return [
            name
            for name in ("name", *self.readonly_fields)
            if (obj is None or name not in self.hidden_if_empty or self._has(obj, name))
            and (may_export or name != "export_form")
        ]

    def _has(self, rosbag: Rosbag, name: str) -> bool:
        method = getattr(self, name, None)
        return bool(method(rosbag) if method else getattr(rosbag, name))

    @admin.display(description=_("reason"))
    def verdict(self, rosbag: Rosbag) -> str:
        return rosbag.sentence

    @admin.display(description=_("warnings"))
    def warning_sentences(self, rosbag: Rosbag) -> str:
        return format_html_join(
            "", "<p>{}</p>", [(sentence,) for sentence in rosbag.warning_sentences]
        )

    @admin.display(description=_("lost"))
    def lost_sentences(self, rosbag: Rosbag) -> str:
        return format_html_join(
            "", "<p>{}</p>", [(sentence,) for sentence in rosbag.lost_sentences[:MAX_ROWS]]
        )

    @admin.display(description=_("made from"))
    def original_link(self, rosbag: Rosbag) -> str:
        return _link(rosbag.original)

    @admin.display(description=_("repaired as"))
    def repaired_link(self, rosbag: Rosbag) -> str:
        return _link(rosbag.repaired)

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, rosbag: Rosbag) -> str:
        return badge(TONES.get(rosbag.status, "run"), rosbag.get_status_display())

    @admin.display(description=_("recorded"), ordering="start_ns")
    def start(self, rosbag: Rosbag) -> str:
        if rosbag.start_ns is None:
            return numbers.NOTHING
        return times.moment(datetime.fromtimestamp(rosbag.start_ns / 1e9, UTC))

    @numeric
    @admin.display(description=_("duration"), ordering="duration_ns")
    def duration(self, rosbag: Rosbag) -> str:
        return times.span(None if rosbag.duration_ns is None else rosbag.duration_ns / 1e9)

    @numeric
    @admin.display(description=_("size"), ordering="size")
    def bytes(self, rosbag: Rosbag) -> str:
        return numbers.size(rosbag.size)

    @admin.display(description=_("complete bundle"))
    def archive(self, rosbag: Rosbag) -> str:
        if rosbag.status == Status.UPLOADING or rosbag.deleted_at is not None:
            return ""
        url = reverse("rosbag-archive", kwargs={"pk": rosbag.pk})
        return format_html('<a href="{}">{}</a>', url, _("Download as zip"))

    @admin.display(description=_("contents"))
    def contents(self, rosbag: Rosbag) -> str:
        rows: tuple[QuerySet[Any], ...] = (rosbag.topics.all(), rosbag.files.all())
        links = [(contents_link(each, rosbag),) for each in rows]
        return format_html_join(" · ", "{}", links)

    @admin.display(description=_("time line"))
    def time_line(self, rosbag: Rosbag) -> str:
        return charts.time_line(rosbag, list(rosbag.topics.all()[: charts.ROWS]))

    @admin.display(description=_("preview"))
    def preview(self, rosbag: Rosbag) -> str:
        return frame(rosbag)

    @admin.action(description=_("Verify again"), permissions=["verify"])
    def verify_again(self, request: HttpRequest, rosbags: QuerySet[Rosbag]) -> None:
        run_action(self, request, rosbags, verifier.verify_again, _verify_message)

    @admin.action(description=_("Restore"), permissions=["restore"])
    def restore(self, request: HttpRequest, rosbags: QuerySet[Rosbag]) -> None:
        run_action(self, request, rosbags, deletion.restore, _restore_message)

    def delete_row(self, request: HttpRequest, row: Rosbag) -> None:
        deletion.delete(row)

    def deleted_message(self, count: int) -> str:
        return ngettext("%d rosbag was deleted.", "%d rosbags were deleted.", count) % count

    def save_model(self, request: HttpRequest, rosbag: Rosbag, form: Any, change: bool) -> None:  # noqa: FBT001
        """Rename the rosbag by its service."""
        try:
            # Read from the database, so that the audit log gets the old name.
            renaming.rename(Rosbag.objects.get(pk=rosbag.pk), rosbag.name)
        except StorageError as error:
            self.message_user(request, str(error), messages.ERROR)


def _link(rosbag: Rosbag | None) -> str:
    if rosbag is None:
        return ""
    url = reverse("admin:storage_rosbag_change", args=[rosbag.pk])
    text = rosbag.name if rosbag.deleted_at is None else _("%s (deleted)") % rosbag.name
    return format_html('<a href="{}">{}</a>', url, text)


def _verify_message(count: int) -> str:
    return ngettext("%d rosbag will be verified.", "%d rosbags will be verified.", count) % count


def _restore_message(count: int) -> str:
    return ngettext("%d rosbag was restored.", "%d rosbags were restored.", count) % count
