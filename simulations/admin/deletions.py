"""The console's pages of deletions."""

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from common.admin.badges import badge
from common.admin.changelists import BoundedListMixin
from common.admin.rights import user_text
from common.admin.times import between
from simulations.admin import formatting
from simulations.admin.filters import (
    SimulationIdFilter,
)
from simulations.choices import DeletionStatus
from simulations.failures import deletion_error
from simulations.models import Deletion

STEPS = {
    "units": _("units and their files"),
    "live": _("live state"),
    "recordings": _("recordings"),
    "rows": _("executions and the simulation"),
}
"""Labels of the steps of a deletion."""


@admin.register(Deletion)
class DeletionAdmin(BoundedListMixin, admin.ModelAdmin[Deletion]):
    """Active and ended deletions."""

    list_display = [
        "name",
        "permanent",
        "status_label",
        "progress_bar",
        "error_message",
        "created_at",
        "duration",
    ]
    more_columns = ["id", "simulation_link", user_text("requested_by", _("requested by"))]
    empty_text = _("No simulation was deleted yet.")
    list_filter = [SimulationIdFilter, "status", "permanent"]
    list_select_related = ["requested_by"]
    search_fields = ["name"]
    date_hierarchy = "created_at"
    fields = [
        "simulation_link",
        "permanent",
        ("status_label", "progress_bar"),
        "step_list",
        "error_message",
        user_text("requested_by", _("requested by")),
        ("created_at", "started_at", "ended_at"),
    ]

    @admin.display(description=_("simulation"), ordering="name")
    def simulation_link(self, row: Deletion) -> str:
        """Show the name, as a link unless the simulation has been removed permanently."""
        if row.permanent and row.status == DeletionStatus.COMPLETED:
            return row.name
        return formatting.link_by_id("simulation", row.simulation_id, row.name)

    @admin.display(description=_("status"), ordering="status")
    def status_label(self, row: Deletion) -> str:
        return formatting.status_label(row)

    @admin.display(description=_("progress"), ordering="progress")
    def progress_bar(self, row: Deletion) -> str:
        return formatting.progress_bar(row.progress)

    @admin.display(description=_("error"), ordering="error")
    def error_message(self, row: Deletion) -> str:
        return deletion_error(row.error_code, row.error)

    @admin.display(description=_("steps"))
    def step_list(self, row: Deletion) -> str:
        steps = [
            (
                STEPS.get(step["name"], step["name"]),
                badge(formatting.tone(step["status"]), DeletionStatus(step["status"]).label),
            )
            for step in row.steps
        ]
        return format_html_join("", "{}: {}<br>", steps)

    @admin.display(description=_("duration"))
    def duration(self, row: Deletion) -> str:
        return between(row.created_at, row.ended_at)
