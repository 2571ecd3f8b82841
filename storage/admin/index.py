"""Read-only admins and inlines of the files and topics of rosbags."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from common.admin import numbers
from common.admin.actions import admin_url
from common.admin.changelists import BoundedListMixin
from common.admin.columns import numeric
from common.admin.list_filters import titled
from storage.admin import charts
from storage.admin.previews import frame
from storage.models import Rosbag, RosbagFile, RosbagTopic

MAX_GAPS = 20
MAX_ROWS = 100
"""Rows of an inline; the list of all of them, filtered by the rosbag, has pages."""
STYLE = {"all": ["storage/console.css"]}


def download_link(file: RosbagFile) -> str:
    """A download link of a file, by the API."""
    url = reverse("rosbag-file", kwargs={"pk": file.rosbag_id, "path": file.path})
    return format_html('<a href="{}">{}</a>', url, _("Download"))


def contents_link(rows: QuerySet[Any], rosbag: Rosbag) -> str:
    """A link to the list of all files or topics of a rosbag, with their number."""
    options = rows.model._meta  # noqa: SLF001  (the documented API of models)
    url = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    count = rows.order_by().count()
    text = f"{options.verbose_name_plural}: {count}"
    return format_html('<a href="{}?rosbag__id__exact={}">{}</a>', url, rosbag.pk, text)


class FirstRows(BaseInlineFormSet[Any, Any, Any]):
    """The first rows only: a page of thousands of them is of no use to anybody."""

    def get_queryset(self) -> QuerySet[Any]:
        if not hasattr(self, "_queryset"):
            self._queryset = super().get_queryset()[:MAX_ROWS]
        return self._queryset


class FileInline(admin.TabularInline[RosbagFile, Rosbag]):
    """The first files of a rosbag."""

    model = RosbagFile
    formset = FirstRows
    fields = ["path", "size", "sha256", "content"]
    readonly_fields = ["content"]
    extra = 0

    @admin.display(description=_("content"))
    def content(self, file: RosbagFile) -> str:
        return download_link(file)


class TopicInline(admin.TabularInline[RosbagTopic, Rosbag]):
    """The first topics of a rosbag."""

    model = RosbagTopic
    formset = FirstRows
    fields = ["page", "type", "message_count", "rate", "jitter", "gap_count", "activity"]
    readonly_fields = ["page", "rate", "jitter", "activity"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[RosbagTopic]:
        return super().get_queryset(request).defer("offered_qos_profiles")

    @admin.display(description=_("topic"))
    def page(self, topic: RosbagTopic) -> str:
        link = format_html('<a href="{}">{}</a>', admin_url(topic), topic.name)
        if topic.playable:
            return link
        note = _("skipped: %(serialization)s") % {"serialization": topic.serialization_format}
        return format_html("{} ({})", link, note)

    @admin.display(description=_("rate (Hz)"))
    def rate(self, topic: RosbagTopic) -> str:
        return numbers.number(topic.mean_rate_hz, 2)

    @admin.display(description=_("jitter (ms)"))
    def jitter(self, topic: RosbagTopic) -> str:
        return numbers.number(topic.jitter_ns / 1e6 if topic.period_ns else None, 2)

    @admin.display(description=_("activity"))
    def activity(self, topic: RosbagTopic) -> str:
        return charts.activity(topic.histogram)


class IndexAdmin(BoundedListMixin, admin.ModelAdmin[models.Model]):
    """A read-only list of the contents of rosbags."""

    list_select_related = ["rosbag"]
    ordering = ["-id"]


@admin.register(RosbagFile)
class RosbagFileAdmin(IndexAdmin):
    """Files of all rosbags."""

    list_display = ["path", "rosbag", "bytes", "content"]
    more_columns = ["sha256"]
    search_fields = ["path", "rosbag__name", "=sha256"]
    search_help_text = _("Path, name of the rosbag, or SHA-256")

    @numeric
    @admin.display(description=_("size"), ordering="size")
    def bytes(self, file: RosbagFile) -> str:
        return numbers.size(file.size)

    @admin.display(description=_("content"))
    def content(self, file: RosbagFile) -> str:
        return download_link(file)


@admin.register(RosbagTopic)
class RosbagTopicAdmin(IndexAdmin):
    """Topics of all rosbags."""

    list_display = ["name", "type", "rosbag", "message_count", "rate"]
    more_columns = ["serialization_format", "gap_count", "bytes"]
    list_filter = [titled("rosbag__status", _("status of the rosbag"))]
    search_help_text = _("Name, type, or name of the rosbag")
    search_fields = ["name", "type", "rosbag__name"]
    fields = [
        "rosbag",
        "name",
        "type",
        "serialization_format",
        "message_count",
        "size",
        "mean_rate_hz",
        "period_ns",
        "jitter_ns",
        "gap_count",
        "longest_gaps",
        "first_ns",
        "last_ns",
        "offered_qos_profiles",
        "type_hash",
        "activity",
        "preview",
    ]
    readonly_fields = ["longest_gaps", "activity", "preview"]

    class Media:
        css = STYLE

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Model]:
        rows = super().get_queryset(request)
        is_changelist = request.resolver_match and not request.resolver_match.kwargs
        return rows.defer("histogram", "offered_qos_profiles") if is_changelist else rows

    @numeric
    @admin.display(description=_("rate (Hz)"), ordering="mean_rate_hz")
    def rate(self, topic: RosbagTopic) -> str:
        return numbers.number(topic.mean_rate_hz, 2)

    @numeric
    @admin.display(description=_("size"), ordering="size")
    def bytes(self, topic: RosbagTopic) -> str:
        return numbers.size(topic.size)

    @admin.display(description=_("longest gaps"))
    def longest_gaps(self, topic: RosbagTopic) -> str:
        start = topic.rosbag.start_ns or 0
        rows = (
            (charts.seconds(first - start), charts.seconds(last - first))
            for first, last in topic.gaps[:MAX_GAPS]
        )
        return format_html_join("", "<div>{} + {}</div>", rows)

    @admin.display(description=_("activity"))
    def activity(self, topic: RosbagTopic) -> str:
        return charts.time_line(topic.rosbag, [topic])

    @admin.display(description=_("preview"))
    def preview(self, topic: RosbagTopic) -> str:
        return frame(topic.rosbag, topic.name) if topic.message_count and topic.playable else ""
