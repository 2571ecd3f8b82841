"""Admin of exports: their progress and results."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from common.admin import numbers
from common.admin.actions import ObjectActionsMixin, admin_url, run_action
from common.admin.badges import Tone, badge
from common.admin.changelists import BoundedListMixin
from common.admin.columns import numeric
from common.admin.list_filters import titled
from common.admin.rights import right, user_text
from storage.choices import UNFINISHED, ExportStatus
from storage.models import Export
from storage.objects.base import StoreError
from storage.services.exports import exports

TONES: dict[str, Tone] = {
    ExportStatus.DONE: "ok",
    ExportStatus.FAILED: "bad",
    ExportStatus.CANCELLED: "idle",
    ExportStatus.PENDING: "idle",
}
"""Tones of statuses; the others are under way."""


@admin.register(Export)
class ExportAdmin(ObjectActionsMixin, BoundedListMixin, admin.ModelAdmin[Export]):
    """Exports of all rosbags."""

    list_display = [
        "name",
        "source",
        "format",
        "status_badge",
        "done",
        "bytes",
        "address",
        "created_at",
    ]
    more_columns = ["message_count", "ended_at", user_text("created_by", _("created by"))]
    list_filter = ["status", "format", titled("created_at", _("requested at"))]
    search_help_text = _("Name of the export or of its rosbag")
    empty_text = _("Nothing was exported yet. The page of a rosbag exports it, or a part of it.")
    search_fields = ["name", "source__name"]
    list_select_related = ["source", "result"]
    ordering = ["-id"]
    actions = ["cancel"]
    fields = [
        "name",
        "source",
        "format",
        "topics",
        "start_ns",
        "end_ns",
        "fields",
        "latched",
        "status",
        "reason",
        "done",
        "message_count",
        "bytes",
        "result_page",
        "address",
        user_text("created_by", _("created by")),
        "created_at",
        "ended_at",
    ]
    readonly_fields = ["reason", "done", "bytes", "result_page", "address"]

    def object_actions(self, row: Export) -> list[str]:
        return ["cancel"] if row.status in UNFINISHED else []

    has_cancel_permission = right("cancel")

    @admin.action(description=_("Cancel"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, rows: QuerySet[Export]) -> None:
        run_action(self, request, rows.filter(status__in=UNFINISHED), exports.cancel, _cancelled)

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, export: Export) -> str:
        return export_badge(export)

    @admin.display(description=_("reason"))
    def reason(self, export: Export) -> str:
        return export.sentence

    @admin.display(description=_("progress"), ordering="progress")
    def done(self, export: Export) -> str:
        percent = round(100 * export.progress)
        return format_html(
            '<span class="nowrap"><progress max="100" value="{0}"></progress> {0} %</span>',
            percent,
        )

    @numeric
    @admin.display(description=_("size"), ordering="size")
    def bytes(self, export: Export) -> str:
        return numbers.size(export.size) if export.size else ""

    @admin.display(description=_("result"))
    def result_page(self, export: Export) -> str:
        result = export.result
        return format_html('<a href="{}">{}</a>', admin_url(result), result) if result else ""

    @admin.display(description=_("file"))
    def address(self, export: Export) -> str:
        url = download_address(export)
        return format_html('<a href="{}">{}</a>', url, _("Download")) if url else ""


def export_badge(export: Export) -> str:
    """Return the badge of an export's status."""
    return badge(TONES.get(export.status, "run"), export.get_status_display())


def download_address(export: Export) -> str:
    """Sign the address of an export's file; empty where there is none, or no storage at the moment."""
    try:
        return exports.sign_url(export, audience="browser")
    except StoreError:
        return ""


def _cancelled(count: int) -> str:
    message: Any = ngettext("%d export was cancelled.", "%d exports were cancelled.", count)
    return str(message % count)
