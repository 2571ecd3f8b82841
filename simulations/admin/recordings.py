"""The console's pages of recordings."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.numbers import number, size
from common.admin.times import moment
from simulations.admin import formatting
from simulations.admin.execution_rows import ExecutionRowMixin
from simulations.admin.filters import (
    ExecutionIdFilter,
    StageRunIdFilter,
)
from simulations.failures import recording_name, recording_text
from simulations.models import Recording


@admin.register(Recording)
class RecordingAdmin(ExecutionRowMixin, admin.ModelAdmin[Recording]):
    """Recordings, missing ones included."""

    execution_path = "stage_run__execution__"
    list_display = [
        "name",
        "execution_link",
        "stage_link",
        "status_label",
        "segments",
        "message_count",
        "rosbag_link",
        "what_happened",
    ]
    more_columns = ["unit", "agent", "attempt", "dropped", "last_update"]
    empty_text = _(
        "Nothing was recorded yet. Templates say which topics agents record; recordings appear here."
    )
    list_filter = [ExecutionIdFilter, StageRunIdFilter, "status", "updated_at"]
    fields = [
        ("execution_link", "stage_link"),
        ("unit", "agent", "attempt"),
        "status_label",
        "what_happened",
        ("segments", "message_count", "dropped"),
        "rosbag_link",
        "expected_topics",
        "last_update",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recording]:
        rows: Any = super().get_queryset(request).select_related("rosbag").defer("topics")
        rows = rows.with_segments().with_superseded()
        return cast("QuerySet[Recording]", rows)

    def subtitle(self, row: Recording) -> str:
        name = recording_name(row.unit, row.agent, row.attempt)
        values = {"stage": row.stage_run.position, "name": name}
        return gettext("recording of stage %(stage)d, %(name)s") % values

    @admin.display(description=_("recording"), ordering="unit")
    def name(self, row: Recording) -> str:
        return recording_name(row.unit, row.agent, row.attempt)

    @admin.display(description=_("segments stored"))
    def segments(self, row: Any) -> str:
        if not row.segments_stored:
            return formatting.NOTHING
        return f"{number(row.segments_stored)} ({size(row.stored_bytes)})"

    @admin.display(description=_("what happened"), ordering="text")
    def what_happened(self, row: Any) -> str:
        text = recording_text(row.text, row.lost_spans)
        replaced = gettext("Replaced by a newer attempt.") if row.superseded else ""
        return " ".join(filter(None, [replaced, text])) or formatting.NOTHING

    @admin.display(description=_("rosbag"))
    def rosbag_link(self, row: Recording) -> str:
        return formatting.link(row.rosbag)

    @admin.display(description=_("expected topics"))
    def expected_topics(self, row: Recording) -> str:
        return formatting.preformatted("\n".join(map(str, row.topics)))

    @admin.display(description=_("updated at"), ordering="updated_at")
    def last_update(self, row: Recording) -> str:
        return moment(row.updated_at)
