"""The console's pages of stage runs."""

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.numbers import number
from common.admin.times import moment
from simulations.admin import formatting
from simulations.admin.execution_rows import ExecutionRowMixin
from simulations.admin.filters import (
    ExecutionIdFilter,
    FailureFilter,
)
from simulations.failures import waiting_text
from simulations.models import StageRun


@admin.register(StageRun)
class StageRunAdmin(ExecutionRowMixin, admin.ModelAdmin[StageRun]):
    """Stages of all executions."""

    execution_path = "execution__"
    list_display = [
        "position",
        "execution_link",
        "status_label",
        "units",
        "release",
        "ended",
        "failure_summary",
    ]
    more_columns = ["id", "prepared", "agents_ended"]
    empty_text = _("No stage has run yet. Stages appear here when an execution begins.")
    list_filter = [ExecutionIdFilter, "status", FailureFilter]
    fields = [
        "execution_link",
        ("position", "units"),
        "status_label",
        "failure_details",
        "waiting_units",
        ("prepared", "release", "agents_ended", "ended"),
        "handle",
        "related_lists",
    ]

    def subtitle(self, row: StageRun) -> str:
        return gettext("stage %d") % row.position

    @admin.display(description=_("units that wait"))
    def waiting_units(self, row: StageRun) -> str:
        if not row.waiting:
            return "-"
        values = {"units": number(row.waiting["units"]), "text": waiting_text(row.waiting)}
        return gettext("%(units)s: %(text)s") % values

    @admin.display(description=_("prepared at"))
    def prepared(self, row: StageRun) -> str:
        return moment(row.prepared_at)

    @admin.display(description=_("release"), ordering="release_at")
    def release(self, row: StageRun) -> str:
        return moment(row.release_at)

    @admin.display(description=_("agents ended at"))
    def agents_ended(self, row: StageRun) -> str:
        return moment(row.agents_ended_at)

    @admin.display(description=_("related"))
    def related_lists(self, row: StageRun) -> str:
        models = [("agentrun", _("Its agents")), ("recording", _("Its recordings"))]
        lists = [(formatting.list_url(name, stage_run=row.pk), text) for name, text in models]
        return format_html_join(", ", '<a href="{}">{}</a>', lists)
