"""Admin of rosbags: their list, and the page of one, where only the name can be changed."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from common.admin import numbers
from common.admin.actions import ObjectActionsMixin, run_action
from common.admin.badges import badge
from common.admin.changelists import BoundedListMixin, DeletedFilter, is_autocomplete
from common.admin.columns import numeric
from common.admin.confirmation import Question, asks_in_list, confirm
from common.admin.deletion import ServiceDeletionMixin
from common.admin.list_filters import titled
from common.admin.rights import right, user_text
from common.admin.times import span
from storage.admin.exports import lost_text
from storage.admin.recorded_times import recorded
from storage.admin.rosbags import contents, exports_list, state
from storage.admin.rosbags.add_page import AddPage
from storage.admin.rosbags.export_page import ExportPage
from storage.admin.rosbags.facts import facts_of
from storage.admin.rosbags.foxglove import FoxglovePage
from storage.admin.rosbags.parts import PartsPage
from storage.admin.rosbags.time_line import FINEST_NS, ROWS, time_line
from storage.admin.rosbags.verdict import status_badge
from storage.choices import VERIFIED, Origin, Status
from storage.exceptions import StorageError
from storage.models import Rosbag
from storage.services.rosbags import deletion, renaming
from storage.services.verification import verifier


@admin.register(Rosbag)
class RosbagAdmin(
    AddPage,
    ExportPage,
    FoxglovePage,
    PartsPage,
    ObjectActionsMixin,
    ServiceDeletionMixin,
    BoundedListMixin,
    admin.ModelAdmin[Rosbag],
):
    """Rosbags with their verdict and contents."""

    change_form_template = "storage/console/rosbag.html"
    use_checks = deletion.use_checks
    list_display = ["name", "verdict", "made", "duration", "message_count", "bytes", "created_at"]
    more_columns = ["ros_distro", "storage_id", "start", user_text("created_by", _("created by"))]
    list_filter = [DeletedFilter, "status", "origin", titled("created_at", _("added"))]
    search_help_text = _("Name, or beginning of the content digest")
    empty_text = _("Rosbags are what agents play. Upload the first one.")
    search_fields = ["name", "^content_digest"]
    fields = ["name"]
    verify_effect = _(
        "They are read and checked again. Until then, simulations that play them do not start."
    )
    actions = ["verify_again", "export_mcap", "export_sqlite3", "restore", "delete_selected"]

    has_verify_permission = right("verify")
    has_restore_permission = right("restore")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rosbag]:
        """All rosbags; for autocomplete fields the usable ones."""
        rows: QuerySet[Rosbag] = super().get_queryset(request)
        rows = rows.select_related("original", "repaired", "created_by")
        return rows & Rosbag.objects.usable() if is_autocomplete(request) else rows

    def object_actions(self, row: Rosbag) -> list[str]:
        if row.deleted_at is not None:
            return ["restore"]
        return ["verify_again"] if row.status in VERIFIED else []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        rosbag: Rosbag | None = context.get("original")
        if rosbag is not None:
            context |= self._page_context(request, rosbag)
        return super().render_change_form(request, context, *args, **kwargs)

    def _page_context(self, request: HttpRequest, rosbag: Rosbag) -> dict[str, Any]:
        topics = list(rosbag.topics.defer("offered_qos_profiles")[: ROWS + 1])
        readable = rosbag.usable and bool(rosbag.message_count)
        return {
            **state.context(request, rosbag),
            "api": f"{settings.API_STR}/rosbags/{rosbag.pk}",
            "texts": script_texts(),
            "facts": facts_of(rosbag),
            "instant": readable and (rosbag.duration_ns or 0) < FINEST_NS,
            "line": time_line(rosbag, topics[:ROWS], rest=len(topics) > ROWS),
            "topics": contents.topics(request, rosbag),
            "files": contents.files(request, rosbag),
            "exports": exports_list.context(request, rosbag),
            "readable": readable,
            "may_export": readable and self.has_export_permission(request),
            "may_delete": self.has_delete_permission(request, rosbag) and rosbag.deleted_at is None,
            "archive": self._archive(rosbag),
            "foxglove": readable and bool(settings.FOXGLOVE_URL),
        }

    def _archive(self, rosbag: Rosbag) -> str:
        complete = rosbag.status not in {Status.UPLOADING, Status.VERIFYING}
        if not complete or rosbag.deleted_at is not None:
            return ""
        return reverse("rosbag-archive", kwargs={"pk": rosbag.pk})

    @admin.display(description=_("verdict"), ordering="status")
    def verdict(self, rosbag: Rosbag) -> str:
        return status_badge(rosbag)

    @admin.display(description=_("origin"), ordering="origin")
    def made(self, rosbag: Rosbag) -> str:
        if rosbag.origin == Origin.REPAIRED:
            return badge("idle", _("Repaired copy"))
        return str(Origin(rosbag.origin).label)

    @admin.display(description=_("recorded"), ordering="start_ns")
    def start(self, rosbag: Rosbag) -> str:
        return recorded(rosbag.start_ns)

    @numeric
    @admin.display(description=_("duration"), ordering="duration_ns")
    def duration(self, rosbag: Rosbag) -> str:
        return span(None if rosbag.duration_ns is None else rosbag.duration_ns / 1e9)

    @numeric
    @admin.display(description=_("size"), ordering="size")
    def bytes(self, rosbag: Rosbag) -> str:
        return numbers.size(rosbag.size)

    @admin.action(description=_("Verify again"), permissions=["verify"])
    def verify_again(self, request: HttpRequest, rosbags: QuerySet[Rosbag]) -> HttpResponse | None:
        if asks_in_list(request):
            question = Question("verify_again", self.verify_effect, tone="go")
            return confirm(self, request, rosbags, question)
        run_action(self, request, rosbags, verifier.verify_again, _verify_message)
        return None

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


def script_texts() -> dict[str, str]:
    """Texts of the page's script, in the current language."""
    return {
        **lost_text(),
        "failed": gettext(
            "This part could not be loaded: check the connection, then open the page again."
        ),
        "whole": gettext("the whole recording"),
        "no_fields": gettext("Messages of this topic have no numeric fields."),
        "no_values": gettext("There are no values in this range."),
        "left_out": gettext("Left out, as not finite or missing"),
        "remove": gettext("Remove"),
        "time": gettext("time"),
        "mean": gettext("mean"),
        "least": gettext("least"),
        "greatest": gettext("greatest"),
    }


def _verify_message(count: int) -> str:
    return ngettext("%d rosbag will be verified.", "%d rosbags will be verified.", count) % count


def _restore_message(count: int) -> str:
    return ngettext("%d rosbag was restored.", "%d rosbags were restored.", count) % count
