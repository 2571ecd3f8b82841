"""The page of a simulation: its state and next step, its design as it is edited, its executions."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.badges import Tone, badge
from common.admin.refresh import script_texts
from simulations.admin.designs.history import history
from simulations.admin.designs.preview import form_preview, stored_preview
from simulations.admin.formatting import list_url
from simulations.choices import ACTIVE, STOPPABLE, DesignStatus
from simulations.exceptions import SimulationNotFoundError
from simulations.models import Simulation
from simulations.services.designs import simulations
from simulations.services.designs.simulations import StageSpec

RUNS = ("latest", "history")
"""Parts of the page that follow its executions."""
TONES: dict[str, Tone] = {DesignStatus.READY: "ok", DesignStatus.DRAFT: "warn"}


class SimulationPageMixin:
    """Mixin before `ModelAdmin`: the page of one simulation."""

    change_form_template: ClassVar[Any] = "simulations/console/design/page.html"
    fieldsets: Any = [
        (None, {"fields": ["name", "pattern", "mec", "description"]}),
        (_("More"), {"fields": ["namespace_prefix", "concurrent_executions"]}),
    ]
    admin_site: Any
    get_object: Any
    has_start_permission: Any
    has_view_permission: Any
    deleted_actions: ClassVar[list[str]] = ["restore", "purge"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if db_field.name == "mec":
            field.widget.can_change_related = field.widget.can_delete_related = False
        return field

    def object_actions(self, row: Simulation) -> list[str]:
        if row.deleted_at is not None:
            return self.deleted_actions
        latest = row.latest_execution
        status = latest.status if latest else ""
        starts = ["start"] if row.concurrent_executions or status not in ACTIVE else []
        return [*starts, *(["stop"] if status in STOPPABLE else []), "clone"]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row: Any = context.get("original")
        form = context["adminform"].form
        (stages,) = context["inline_admin_formsets"]
        if form.is_bound:
            context["preview"] = form_preview(form, stages.formset)
        elif row is not None:
            context["preview"] = stored_preview(row)
        if row is not None:
            context["state"] = badge(TONES.get(row.status, "idle"), row.status.label)
            context |= _runs(row)
            context["may_check"] = row.deleted_at is None and self.has_start_permission(request)
        context |= {"texts": _texts(), "may_start": self.has_start_permission(request)}
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return response

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Any = None) -> Iterator[Any]:
        for formset, inline in super().get_formsets_with_inlines(request, obj):  # type: ignore[misc]
            formset.domain_error = getattr(request, "domain_error", None)
            yield formset, inline

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.runs_view)
        url = path("<path:object_id>/runs/<slug:part>/", view, name="simulations_simulation_runs")
        return [url, *super().get_urls()]  # type: ignore[misc]

    def runs_view(self, request: HttpRequest, object_id: str, part: str) -> HttpResponse:
        """Answer with the latest execution or the history as they are now."""
        row = self.get_object(request, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if row is None or part not in RUNS:
            raise Http404
        return render(request, f"simulations/console/design/{part}.html", _runs(row))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Do nothing yet: the service writes the simulation together with its stages."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """Write the simulation and its stages through the service, unless nothing has changed.

        Raises:
            SimulationNotFoundError: It was deleted permanently in the meantime.
            SimulationChangedError: It was changed in the meantime.
        """
        (stages,) = formsets
        specs, simulation = stages.specs(), form.instance
        if not change:
            created = simulations.create_simulation(
                stages=specs, created_by=request.user, **form.values()
            )
            simulation.pk = created.pk
            stages.list_changes([])
        else:
            stored = Simulation.objects.filter(pk=simulation.pk).first()
            if stored is None:
                raise SimulationNotFoundError(str(_("This simulation no longer exists.")))
            before = simulations.specs_of(stored)
            stages.list_changes(before)
            if _to_compare(specs) != _to_compare(before) or set(form.changed_data) & set(
                form.Meta.fields
            ):
                simulations.update_simulation(
                    stored, stages=specs, unchanged_since=form.read_time(), **form.values()
                )
        simulation.refresh_from_db()


def _runs(simulation: Simulation) -> dict[str, Any]:
    return {
        "history": history(simulation),
        "all_executions": list_url("execution", simulation=simulation.pk),
    }


def _texts() -> dict[str, str]:
    """Return what the scripts of the page say."""
    return script_texts() | {
        "live": "",
        "checking": gettext(
            "Checking what is stored, and its system under test: this takes up to ten seconds, a minute on a "
            "cluster."
        ),
        "checkLost": gettext("The check gave no answer: try again."),
        "moved": gettext("Moved to position %(position)s of %(count)s."),
        "previewLost": gettext("The connection is lost: this preview is older than the form."),
        "removed": gettext("The stage is removed when you save."),
        "saveAndStart": gettext("Save and start"),
        "start": gettext("Start"),
        "undo": gettext("Stage %(position)s is removed when you save: undo"),
    }


def _to_compare(specs: list[StageSpec]) -> list[dict[str, Any]]:
    return [{**vars(spec), "template": spec.template_id} for spec in specs]
