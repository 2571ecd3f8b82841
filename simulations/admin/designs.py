"""The console's pages of mecs and designs; every change goes through the services."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from simulations.admin.refusals import Refusals, delete_each
from simulations.exceptions import SimulationError, SimulationNotFoundError
from simulations.models import Mec, Simulation, Stage
from simulations.services import deletion, design, lifecycle, mecs
from simulations.tasks import request_deletion

SPEC_FIELDS = [
    "template",
    "agent_count",
    "execution_time",
    "repeat_count",
    "delay_after",
    "name",
    "assigned_area",
    "retries",
    "min_success",
    "continue_on_failure",
]


@admin.register(Mec)
class MecAdmin(Refusals, admin.ModelAdmin[Mec]):
    """Systems under test."""

    list_display = ["name", "slug", "transport", "endpoint", "domain_id", "enabled"]
    list_filter = ["transport", "enabled"]
    list_select_related = True
    search_fields = ["name", "slug"]
    readonly_fields = ["created_at", "updated_at"]
    prepopulated_fields = {"slug": ["name"]}
    show_full_result_count = False
    list_per_page = 50

    def delete_model(self, request: HttpRequest, obj: Mec) -> None:
        mecs.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Mec]) -> None:
        delete_each(queryset, mecs.delete)


class StageFormSet(forms.BaseInlineFormSet[Stage, Simulation, forms.ModelForm[Stage]]):
    """The stages of one design, checked as a whole by the rules of the service."""

    def specs(self) -> list[design.StageSpec]:
        """The stages as they are to be, in order of their positions."""
        rows = [form.cleaned_data for form in self._kept()]
        rows.sort(key=lambda row: int(row["position"]))
        return [design.StageSpec(**{name: row[name] for name in SPEC_FIELDS}) for row in rows]

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        simulation = self.instance
        found = design.faults(
            simulation.name, simulation.pattern, simulation.namespace_prefix, self.specs()
        )
        if found:
            raise forms.ValidationError([_located(fault) for fault in found])

    def _kept(self) -> list[forms.ModelForm[Stage]]:
        return [
            form
            for form in self.forms
            if form.cleaned_data.get("template") and not form.cleaned_data.get("DELETE")
        ]


def _located(fault: dict[str, Any]) -> str:
    """A fault of the service with its place, stages counted from 1 as people do."""
    parts = str(fault["pointer"]).strip("/").split("/")
    if parts[0] == "stages" and len(parts) > 1:
        parts[1] = str(int(parts[1]) + 1)
    return f"{' '.join(parts)}: {fault['detail']}"


class StageInline(admin.StackedInline[Stage, Simulation]):
    """The stages of a simulation."""

    model = Stage
    formset = StageFormSet
    fields = ["position", *SPEC_FIELDS]
    autocomplete_fields = ["template"]
    ordering = ["position"]
    extra = 0


@admin.register(Simulation)
class SimulationAdmin(Refusals, admin.ModelAdmin[Simulation]):
    """Living simulations with their stages."""

    list_display = ["name", "pattern", "mec", "latest", "updated_at"]
    list_filter = ["pattern"]
    list_select_related = ["mec", "latest_execution"]
    search_fields = ["name"]
    autocomplete_fields = ["mec"]
    fields = [
        "name",
        "description",
        "pattern",
        "mec",
        "namespace_prefix",
        "concurrent_executions",
        "created_by",
        "created_at",
        "updated_at",
    ]
    readonly_fields = ["created_by", "created_at", "updated_at"]
    inlines = [StageInline]
    actions = ["start"]
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Simulation]:
        return super().get_queryset(request).filter(deleted_at=None)

    @admin.display(description=_("latest execution"))
    def latest(self, simulation: Simulation) -> str:
        execution = simulation.latest_execution
        return f"{execution.number}: {execution.get_status_display()}" if execution else ""

    @admin.action(description=_("Start"), permissions=["change"])
    def start(self, request: HttpRequest, simulations: QuerySet[Simulation]) -> None:
        started = 0
        for simulation in simulations:
            try:
                lifecycle.start(simulation, requested_by=request.user)
            except SimulationError as error:
                self.message_user(request, f"{simulation}: {error}", messages.ERROR)
            else:
                started += 1
        if started:
            text = ngettext("%d simulation starts.", "%d simulations start.", started)
            self.message_user(request, text % started, messages.SUCCESS)

    def save_model(
        self,
        request: HttpRequest,
        obj: Simulation,
        form: forms.ModelForm[Simulation],
        change: bool,  # noqa: FBT001
    ) -> None:
        """Wait for the stages: the service writes both at once."""

    def save_related(
        self,
        request: HttpRequest,
        form: forms.ModelForm[Simulation],
        formsets: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        (stages,) = formsets
        stages.save(commit=False)  # for the history: it lists what was changed
        values = {name: form.cleaned_data[name] for name in form.cleaned_data}
        simulation = form.instance
        if change:
            stored = Simulation.objects.filter(pk=simulation.pk).first()
            if stored is None:
                raise SimulationNotFoundError(str(_("Somebody has removed this simulation.")))
            design.update_simulation(stored, stages=stages.specs(), **values)
        else:
            made = design.create_simulation(
                stages=stages.specs(), created_by=request.user, **values
            )
            simulation.pk = made.pk
        simulation.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: Simulation) -> None:
        self.delete_queryset(request, Simulation.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Simulation]) -> None:
        def ask(simulation: Simulation) -> None:
            asked = deletion.request(simulation, requested_by=request.user)
            request_deletion(asked.pk)

        delete_each(queryset, ask)

    def get_deleted_objects(
        self, objs: Sequence[Model] | QuerySet[Model], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Only the simulations themselves: nothing is removed with them."""
        return [str(simulation) for simulation in objs], {}, set(), []
