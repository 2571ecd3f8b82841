"""The console's pages of recordings."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.times import moment
from simulations.admin import formatting
from simulations.admin.execution_rows import ExecutionRowMixin
from simulations.admin.filters import (
    ExecutionIdFilter,
    StageRunIdFilter,
)
from simulations.models import Recording


@admin.register(Recording)
class RecordingAdmin(ExecutionRowMixin, admin.ModelAdmin[Recording]):
    """Recordings, missing ones included."""

    execution_path = "stage_run__execution__"
    list_display = [
        "unit",
        "execution_link",
        "stage_link",
        "status_label",
        "message_count",
        "rosbag_link",
        "text",
    ]
    more_columns = ["attempt", "dropped", "last_update"]
    empty_text = _(
        "Nothing was recorded yet. Templates say which topics agents record; recordings appear here."
    )
    list_filter = [ExecutionIdFilter, StageRunIdFilter, "status", "updated_at"]
    fields = [
        ("execution_link", "stage_link"),
        ("unit", "attempt"),
        "status_label",
        "text",
        ("message_count", "dropped"),
        "rosbag_link",
        "expected_topics",
        "last_update",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recording]:
        return super().get_queryset(request).select_related("rosbag").defer("topics")

    def subtitle(self, row: Recording) -> str:
        values = {"stage": row.stage_run.position, "unit": row.unit}
        return gettext("recording of stage %(stage)d, unit %(unit)d") % values

    @admin.display(description=_("rosbag"))
    def rosbag_link(self, row: Recording) -> str:
        return formatting.link(row.rosbag)

    @admin.display(description=_("expected topics"))
    def expected_topics(self, row: Recording) -> str:
        return formatting.preformatted("\n".join(map(str, row.topics)))

    @admin.display(description=_("updated at"), ordering="updated_at")
    def last_update(self, row: Recording) -> str:
        return moment(row.updated_at)
