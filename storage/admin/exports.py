"""Admin of exports: their progress and results."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from common.admin import numbers
from common.admin.actions import ObjectActionsMixin, admin_url, run_action
from common.admin.badges import Tone, badge
from common.admin.changelists import BoundedListMixin
from common.admin.columns import numeric
from common.admin.list_filters import titled
from common.admin.rights import right, user_text
from storage.admin.recorded_times import recorded
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

    change_form_template = "storage/console/export_page.html"
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
        "format",
        "span",
        "chosen_topics",
        "chosen_fields",
        "latched",
        user_text("created_by", _("created by")),
        "created_at",
        "ended_at",
    ]
    readonly_fields = ["span", "chosen_topics", "chosen_fields"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.part_view)
        own = path("<int:object_id>/part/", view, name="storage_export_part")
        return [own, *super().get_urls()]

    def part_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Answer with the state of an export alone, which its page fetches until it has ended."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        export = self.get_object(request, str(object_id))
        if export is None:
            raise Http404
        return render(request, "storage/console/export_state.html", _state(export))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        export = context.get("original")
        if export is not None:
            context |= {**_state(export), "badge": export_badge(export), "texts": lost_text()}
        return super().render_change_form(request, context, *args, **kwargs)

    def object_actions(self, row: Export) -> list[str]:
        return ["cancel"] if row.status in UNFINISHED else []

    has_cancel_permission = right("cancel")

    @admin.action(description=_("Cancel"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, rows: QuerySet[Export]) -> None:
        run_action(self, request, rows.filter(status__in=UNFINISHED), exports.cancel, _cancelled)

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, export: Export) -> str:
        return export_badge(export)

    @admin.display(description=_("range"))
    def span(self, export: Export) -> str:
        return format_html("{} &ndash; {}", recorded(export.start_ns), recorded(export.end_ns))

    @admin.display(description=_("topics"))
    def chosen_topics(self, export: Export) -> str:
        return ", ".join(export.topics) or gettext("all")

    @admin.display(description=_("fields"))
    def chosen_fields(self, export: Export) -> str:
        return ", ".join(export.fields) or gettext("all")

    @admin.display(description=_("progress"), ordering="progress")
    def done(self, export: Export) -> str:
        if export.status not in UNFINISHED:
            return numbers.NOTHING
        percent = round(100 * export.progress)
        return format_html(
            '<span class="nowrap"><progress max="100" value="{0}"></progress> {0} %</span>',
            percent,
        )

    @numeric
    @admin.display(description=_("size"), ordering="size")
    def bytes(self, export: Export) -> str:
        return numbers.size(export.size) if export.size else ""

    @admin.display(description=_("file"))
    def address(self, export: Export) -> str:
        url = download_address(export)
        return format_html('<a href="{}">{}</a>', url, _("Download")) if url else ""


def _state(export: Export) -> dict[str, Any]:
    return {
        "export": export,
        "percent": round(100 * export.progress),
        "unfinished": export.status in UNFINISHED,
        "file": download_address(export),
        "result": export.result and admin_url(export.result),
    }


def lost_text() -> dict[str, str]:
    """Text of scripts that follow something, in the current language."""
    return {"lost": gettext("The connection is lost; trying again.")}


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
