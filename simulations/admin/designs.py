"""The console's pages of designs; every change goes through the services."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from common.admin.actions import ObjectActionsMixin
from common.admin.changelists import (
    BoundedPaginator,
    DeletedFilter,
    is_changelist,
    lists_deleted_rows,
)
from common.admin.deletion import ServiceDeletionMixin
from common.admin.errors import DomainErrorFormMixin, DomainErrorMixin
from simulations.admin.design_acts import DesignActs
from simulations.admin.stages import StageInline
from simulations.admin.words import NOTHING, bar, linked, list_of, state
from simulations.choices import ACTIVE, OPEN_DELETION, STOPPABLE
from simulations.exceptions import SimulationNotFoundError
from simulations.models import Deletion, Simulation, Stage
from simulations.services.designs import simulations
from simulations.services.progress.bulk import percent_by_id


class SimulationForm(DomainErrorFormMixin, forms.ModelForm[Simulation]):
    """A design's own fields, checked by the rules of the service."""

    class Meta:
        model = Simulation
        fields = [
            "name",
            "description",
            "pattern",
            "mec",
            "namespace_prefix",
            "concurrent_executions",
        ]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def clean(self) -> Any:
        values = super().clean()
        told = [self.cleaned_data.get(name) for name in ("name", "pattern", "namespace_prefix")]
        if all(told):
            name, pattern, prefix = map(str, told)
            known = self.instance if self.instance.pk else None
            errors = simulations.field_errors(name, pattern, prefix, [])
            for error in errors + simulations.name_errors(name, known):
                self.add_field_error(error)
        return values


class SimulationList(ChangeList):
    """A page of simulations with their stages, agents and progress, in a few queries for all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        self.result_list = rows
        _count(rows)
        latest = [row.latest_execution for row in rows if row.latest_execution is not None]
        percents = percent_by_id(latest)
        for execution in latest:
            execution.percent = percents.get(execution.pk)


def _count(rows: list[Any]) -> None:
    """Put the number of stages and agents into simulations, and whether they are being deleted."""
    keys = [row.pk for row in rows]
    stages = Stage.objects.filter(simulation__in=keys).order_by().values_list("simulation")
    counted = {pk: rest for pk, *rest in stages.annotate(Count("pk"), Sum("agent_count"))}
    going: set[int] = set()
    if any(row.deleted_at for row in rows):
        opened = Deletion.objects.filter(simulation_id__in=keys, status__in=OPEN_DELETION)
        going = set(opened.values_list("simulation_id", flat=True))
    for row in rows:
        row.stage_count, row.agent_count = counted.get(row.pk, (0, 0))
        row.deleting = row.pk in going


@admin.register(Simulation)
class SimulationAdmin(
    DesignActs,
    ObjectActionsMixin,
    ServiceDeletionMixin,
    DomainErrorMixin,
    admin.ModelAdmin[Simulation],
):
    """Simulations with their stages; deleted ones by a filter."""

    form = SimulationForm
    list_display = ["name", "design", "pattern", "mec", "stages", "agents", "latest", "updated_at"]
    list_filter = [DeletedFilter, "pattern", "latest_execution__status", "mec", "created_at"]
    list_select_related = ["mec", "latest_execution"]
    search_fields = ["name", "description"]
    autocomplete_fields = ["mec"]
    readonly_fields = [
        "design",
        "agents",
        "latest",
        "executions",
        "created_by",
        "created_at",
        "updated_at",
        "deleted_at",
    ]
    fieldsets = [
        (None, {"fields": ["name", "description", "pattern", "mec"]}),
        (_("More"), {"fields": ["namespace_prefix", "concurrent_executions"]}),
    ]
    standing = (_("How it stands"), {"fields": [("design", "agents"), "latest", "executions"]})
    history = (
        _("History"),
        {"classes": ["collapse"], "fields": ["created_by", "created_at", "updated_at"]},
    )
    inlines = [StageInline]
    actions = ["start", "stop", "clone", "delete_selected", "restore", "purge"]
    of_the_deleted = ["restore", "purge"]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    list_per_page = 50

    class Media:
        css = {"all": ["common/console.css"]}

    def get_changelist(self, request: HttpRequest, **_words: Any) -> type[ChangeList]:
        return SimulationList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Simulation]:
        rows: QuerySet[Simulation] = super().get_queryset(request)
        return rows.defer("latest_execution__plan", "latest_execution__outcome")

    def get_fieldsets(self, request: HttpRequest, obj: Simulation | None = None) -> Any:
        if obj is None:
            return self.fieldsets
        name, options = self.history
        if obj.deleted_at is not None:
            options = {**options, "fields": [*options["fields"], "deleted_at"]}
        first, more = self.fieldsets
        return [self.standing, first, more, (name, options)]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer in a list what can be done to its rows."""
        found = super().get_actions(request)
        if not is_changelist(request):
            return found
        if lists_deleted_rows(request):
            return {name: act for name, act in found.items() if name in self.of_the_deleted}
        return {name: act for name, act in found.items() if name != "restore"}

    def has_change_permission(self, request: HttpRequest, obj: Simulation | None = None) -> bool:
        living = obj is None or obj.deleted_at is None
        return living and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Simulation | None = None) -> bool:
        living = obj is None or obj.deleted_at is None
        return living and super().has_delete_permission(request, obj)

    def object_actions(self, row: Simulation) -> list[str]:
        if row.deleted_at is not None:
            return self.of_the_deleted
        latest = row.latest_execution
        status = latest.status if latest else ""
        starts = ["start"] if row.concurrent_executions or status not in ACTIVE else []
        return [*starts, *(["stop"] if status in STOPPABLE else []), "clone"]

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """One with what its page tells beside its fields."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            _count([row])
            if row.latest_execution is not None:
                percents = percent_by_id([row.latest_execution])
                row.latest_execution.percent = percents.get(row.latest_execution.pk)
        return row

    @admin.display(description=_("status"))
    def design(self, simulation: Simulation) -> str:
        return str(simulation.status.label)

    @admin.display(description=_("stages"))
    def stages(self, simulation: Any) -> int:
        return int(simulation.stage_count)

    @admin.display(description=_("agents"))
    def agents(self, simulation: Any) -> int:
        return int(simulation.agent_count)

    @admin.display(description=_("latest execution"))
    def latest(self, simulation: Simulation) -> str:
        execution: Any = simulation.latest_execution
        if execution is None:
            return NOTHING
        shown = format_html("{} {}", linked(execution, f"#{execution.number}"), state(execution))
        percent = getattr(execution, "percent", None)
        return shown if percent is None else format_html("{} {}", shown, bar(percent))

    @admin.display(description=_("executions"))
    def executions(self, simulation: Simulation) -> str:
        address = list_of("execution", simulation=simulation.pk)
        return format_html('<a href="{}">{}</a>', address, _("All its executions"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Wait for the stages: the service writes both at once."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """Have the service write the design with its stages."""
        (stages,) = formsets
        stages.save(commit=False)  # for the history: it lists what was changed
        values = dict(form.cleaned_data)
        simulation = form.instance
        if change:
            stored = Simulation.objects.filter(pk=simulation.pk).first()
            if stored is None:
                raise SimulationNotFoundError(str(_("Somebody has removed this simulation.")))
            simulations.update_simulation(stored, stages=stages.specs(), **values)
        else:
            made = simulations.create_simulation(
                stages=stages.specs(), created_by=request.user, **values
            )
            simulation.pk = made.pk
        simulation.refresh_from_db()
