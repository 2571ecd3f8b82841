"""The console's pages of simulations; every change goes through the services."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from common.admin import numbers
from common.admin.actions import ObjectActionsMixin
from common.admin.badges import badge
from common.admin.changelists import (
    BoundedListMixin,
    DeletedFilter,
    is_changelist,
    lists_deleted_rows,
)
from common.admin.columns import numeric
from common.admin.deletion import ServiceDeletionMixin
from common.admin.errors import DomainErrorMixin
from common.admin.fields import RowSelectMixin
from common.admin.list_filters import titled
from common.admin.next_steps import NextStepsMixin
from common.admin.rights import user_text
from simulations.admin.designs.actions import SimulationActionsMixin
from simulations.admin.designs.forms import SimulationForm
from simulations.admin.designs.page import SimulationPageMixin
from simulations.admin.designs.preflight import PreflightMixin
from simulations.admin.designs.preview import PreviewMixin
from simulations.admin.designs.stages import StageInline
from simulations.admin.designs.starting import StartingMixin
from simulations.admin.formatting import NOTHING, link, progress_bar, status_label
from simulations.admin.from_template import FromTemplate
from simulations.admin.quick_run.page import QuickRunPage
from simulations.choices import OPEN_DELETION
from simulations.models import Deletion, Simulation, Stage
from simulations.services.progress.bulk import percent_by_id


class SimulationList(ChangeList):
    """A page of simulations with counts and progress; the number of queries is constant."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        self.result_list = rows
        _annotate(rows)


def _annotate(rows: list[Any]) -> None:
    """Set what pages show besides fields: counts, open deletions, progress of latest executions."""
    keys = [row.pk for row in rows]
    stages = Stage.objects.filter(simulation__in=keys).order_by().values_list("simulation")
    counts = {pk: values for pk, *values in stages.annotate(Count("pk"), Sum("agent_count"))}
    deleting: set[int] = set()
    if any(row.deleted_at for row in rows):
        open_deletions = Deletion.objects.filter(simulation_id__in=keys, status__in=OPEN_DELETION)
        deleting = set(open_deletions.values_list("simulation_id", flat=True))
    for row in rows:
        row.stage_count, row.agent_count = counts.get(row.pk, (0, 0))
        row.deleting = row.pk in deleting
    latest = [row.latest_execution for row in rows if row.latest_execution is not None]
    percents = percent_by_id(latest)
    for execution in latest:
        execution.percent = percents.get(execution.pk)


@admin.register(Simulation)
class SimulationAdmin(
    StartingMixin,
    QuickRunPage,
    FromTemplate,
    PreviewMixin,
    PreflightMixin,
    SimulationPageMixin,
    NextStepsMixin,
    SimulationActionsMixin,
    RowSelectMixin,
    ObjectActionsMixin,
    ServiceDeletionMixin,
    DomainErrorMixin,
    BoundedListMixin,
    admin.ModelAdmin[Simulation],
):
    """Simulations with their stages; a filter lists deleted ones."""

    form = SimulationForm
    creator = user_text("created_by", _("created by"))
    list_display = [
        "name",
        "design_status",
        "mec",
        "stages",
        "agents",
        "latest",
        "updated_at",
    ]
    more_columns = ["pattern", creator, "created_at"]
    list_filter = [
        DeletedFilter,
        "pattern",
        titled("latest_execution__status", _("latest execution")),
        "mec",
        titled("created_at", _("created")),
    ]
    search_help_text = _("Name or description")
    empty_text = _(
        "A simulation says which templates run, with how many agents each. Make the first one."
    )
    search_fields = ["name", "description"]
    autocomplete_fields = ["mec"]
    inlines = [StageInline]
    actions = ["start", "stop", "clone", "delete_selected", "restore", "purge"]

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return SimulationList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Simulation]:
        rows: QuerySet[Simulation] = super().get_queryset(request)
        rows = rows.select_related("mec", "created_by", "latest_execution")
        return rows.defer("latest_execution__plan", "latest_execution__outcome")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer in a list only the actions that apply to its rows."""
        actions = super().get_actions(request)
        if not is_changelist(request):
            return actions
        if lists_deleted_rows(request):
            return {name: actions[name] for name in actions if name in self.deleted_actions}
        return {name: actions[name] for name in actions if name != "restore"}

    def has_change_permission(self, request: HttpRequest, obj: Simulation | None = None) -> bool:
        deleted = obj is not None and obj.deleted_at is not None
        return not deleted and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Simulation | None = None) -> bool:
        deleted = obj is not None and obj.deleted_at is not None
        return not deleted and super().has_delete_permission(request, obj)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Load a simulation with everything its page shows."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            _annotate([row])
        return row

    @admin.display(description=_("status"))
    def design_status(self, simulation: Simulation) -> str:
        return badge("idle", simulation.status.label)

    @numeric
    @admin.display(description=_("stages"))
    def stages(self, simulation: Any) -> str:
        return numbers.number(simulation.stage_count)

    @numeric
    @admin.display(description=_("agents"))
    def agents(self, simulation: Any) -> str:
        return numbers.number(simulation.agent_count)

    @admin.display(description=_("latest execution"))
    def latest(self, simulation: Simulation) -> str:
        execution: Any = simulation.latest_execution
        if execution is None:
            return NOTHING
        number = link(execution, f"#{execution.number}")
        text = format_html("{} {}", number, status_label(execution))
        percent = getattr(execution, "percent", None)
        return text if percent is None else format_html("{} {}", text, progress_bar(percent))
