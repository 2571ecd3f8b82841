"""The console's pages of rosbags: what was counted is shown, never edited."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from storage import tasks
from storage.exceptions import RosbagInUseError, StorageError
from storage.models import Rosbag, RosbagFile, RosbagTopic
from storage.services import deletion, verification


class ReadOnly:
    """Rows that only the system writes."""

    def has_add_permission(self, *_args: Any) -> bool:
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        return False


class FileInline(ReadOnly, admin.TabularInline[RosbagFile, Rosbag]):
    """The files of a rosbag."""

    model = RosbagFile
    fields = ["path", "size", "sha256"]
    extra = 0


class TopicInline(ReadOnly, admin.TabularInline[RosbagTopic, Rosbag]):
    """The topics of a rosbag."""

    model = RosbagTopic
    fields = ["name", "type", "serialization_format", "message_count", "mean_rate_hz"]
    extra = 0


@admin.register(Rosbag)
class RosbagAdmin(admin.ModelAdmin[Rosbag]):
    """Rosbags with verdict and index; only the name may be changed."""

    list_display = ["name", "status", "origin", "message_count", "duration", "bytes", "created_at"]
    list_filter = ["status", "origin"]
    search_fields = ["name", "content_digest"]
    list_select_related = ["created_by"]
    show_full_result_count = False
    list_per_page = 50
    date_hierarchy = None
    inlines = [FileInline, TopicInline]
    actions = ["verify_again"]
    readonly_fields = [
        "origin",
        "original",
        "status",
        "code",
        "verdict",
        "oddities",
        "storage_id",
        "version",
        "ros_distro",
        "compression",
        "start_ns",
        "duration",
        "message_count",
        "bytes",
        "content_digest",
        "created_by",
        "created_at",
        "updated_at",
    ]
    fields = ["name", *readonly_fields]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rosbag]:
        return super().get_queryset(request).filter(deleted_at=None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description=_("reason"))
    def verdict(self, rosbag: Rosbag) -> str:
        return rosbag.sentence

    @admin.display(description=_("warnings"))
    def oddities(self, rosbag: Rosbag) -> str:
        return format_html_join("", "<p>{}</p>", [(each,) for each in rosbag.warning_sentences])

    @admin.display(description=_("duration (s)"), ordering="duration_ns")
    def duration(self, rosbag: Rosbag) -> str:
        return "" if rosbag.duration_ns is None else f"{rosbag.duration_ns / 1e9:.3f}"

    @admin.display(description=_("size"), ordering="size")
    def bytes(self, rosbag: Rosbag) -> str:
        return filesizeformat(rosbag.size)

    @admin.action(description=_("Verify again"), permissions=["change"])
    def verify_again(self, request: HttpRequest, rosbags: QuerySet[Rosbag]) -> None:
        asked = 0
        for rosbag in rosbags:
            try:
                verification.ask_again(rosbag)
            except StorageError as error:
                self.message_user(request, f"{rosbag}: {error}", messages.ERROR)
                continue
            tasks.request_verification(rosbag.pk)
            asked += 1
        text = ngettext("%d rosbag will be verified.", "%d rosbags will be verified.", asked)
        self.message_user(request, text % asked, messages.SUCCESS)

    def delete_model(self, request: HttpRequest, rosbag: Rosbag) -> None:
        self.delete_queryset(request, Rosbag.objects.filter(pk=rosbag.pk))

    def delete_queryset(self, request: HttpRequest, rosbags: QuerySet[Rosbag]) -> None:
        """Hide them, through the service: files go later, and what is in use stays."""
        for rosbag in rosbags:
            try:
                deletion.delete(rosbag)
            except RosbagInUseError as error:
                self.message_user(request, str(error), messages.ERROR)

    def get_deleted_objects(
        self, objs: Sequence[Rosbag] | QuerySet[Rosbag], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Only the rosbags themselves: nothing is removed with them."""
        return [str(rosbag) for rosbag in objs], {}, set(), []


class IndexAdmin(ReadOnly, admin.ModelAdmin[models.Model]):
    """A read-only list of what rosbags hold."""

    list_select_related = ["rosbag"]
    show_full_result_count = False
    list_per_page = 50


@admin.register(RosbagFile)
class RosbagFileAdmin(IndexAdmin):
    """Files of all rosbags."""

    list_display = ["path", "rosbag", "size", "sha256"]
    search_fields = ["path", "rosbag__name"]


@admin.register(RosbagTopic)
class RosbagTopicAdmin(IndexAdmin):
    """Topics of all rosbags."""

    list_display = ["name", "type", "rosbag", "message_count", "mean_rate_hz"]
    search_fields = ["name", "type", "rosbag__name"]
