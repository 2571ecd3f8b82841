"""The preview of a design as it is edited: what would refuse it, and its expected course."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from common.exceptions import FieldError
from simulations.admin.designs.gantt import Chart, chart
from simulations.admin.designs.stages import spec_of
from simulations.choices import ACTIVE
from simulations.models import Simulation, Stage
from simulations.services.designs.drafts import draft_stages
from simulations.services.designs.forecast import forecast
from simulations.services.start_checks import stages_of, start_errors

MAX_PROBLEMS = 10
TEMPLATE = "simulations/console/design/preview.html"


@dataclass(frozen=True)
class Problem:
    """A reason why a design cannot be saved or started; `anchor` is the id of what to change."""

    text: str
    anchor: str
    place: str = ""


@dataclass(frozen=True)
class Preview:
    """The content of the preview; without a chart there is nothing to play yet."""

    problems: list[Problem]
    more_problems: int
    chart: Chart | None
    is_running: bool = False
    """A start would be refused until its execution ends."""


def stored_preview(simulation: Simulation) -> Preview:
    """Preview a simulation as it is stored."""
    stages = stages_of(simulation)
    anchors = [f"stages-{index}" for index in range(len(stages))]
    return _preview(simulation, stages, anchors, [])


def form_preview(form: Any, formset: Any) -> Preview:
    """Preview what a form says, with its errors; stages with errors are left out of the chart."""
    form.is_valid()
    formset.is_valid()
    problems = [*_form_problems(form), *_stage_problems(formset)]
    rows = [row for row in formset.filled_forms() if not row.errors]
    if form.cleaned_data.get("mec") is None:
        return Preview(problems, 0, None)
    stages = draft_stages([spec_of(row) for row in rows])
    return _preview(form.instance, stages, [row.prefix for row in rows], problems)


def _preview(
    simulation: Simulation, stages: list[Stage], anchors: list[str], problems: list[Problem]
) -> Preview:
    if not problems:
        errors = start_errors(simulation, stages)
        problems = [_start_problem(error, anchors) for error in errors]
    course = forecast(simulation.pattern, simulation.mec.transport, stages)
    return Preview(
        problems[:MAX_PROBLEMS],
        max(0, len(problems) - MAX_PROBLEMS),
        chart(course) if stages else None,
        is_running=is_running(simulation),
    )


def is_running(simulation: Simulation) -> bool:
    """Tell whether a start would be refused until an execution ends."""
    latest = simulation.latest_execution
    return bool(latest and latest.status in ACTIVE and not simulation.concurrent_executions)


def _start_problem(error: FieldError, anchors: list[str]) -> Problem:
    parts = error.pointer.strip("/").split("/")
    if parts[0] == "stages" and len(parts) > 1:
        index = int(parts[1])
        return Problem(error.detail, anchors[index], _stage_name(index + 1))
    return Problem(error.detail, "stages-group" if parts[0] == "stages" else f"id_{parts[0]}")


def _form_problems(form: Any) -> Iterator[Problem]:
    for name, errors in form.errors.items():
        field = form.fields.get(name)
        place = capfirst(str(field.label)) if field else ""
        for error in errors:
            yield Problem(error, f"id_{name}" if field else "content", place)


def _stage_problems(formset: Any) -> Iterator[Problem]:
    for error in formset.non_form_errors():
        yield Problem(error, "stages-group", capfirst(_("stages")))
    for position, row in enumerate(formset.filled_forms(), 1):
        for name, errors in row.errors.items():
            field = row.fields.get(name)
            place = [_stage_name(position), *([str(field.label)] if field else [])]
            for error in errors:
                yield Problem(error, row.prefix, ", ".join(place))


def _stage_name(position: int) -> str:
    return _("Stage %(position)d") % {"position": position}


class PreviewMixin:
    """The address to which the page of a simulation posts its form as it changes; before `ModelAdmin`."""

    admin_site: Any
    get_form: Any
    get_object: Any
    has_add_permission: Any
    has_change_permission: Any
    _create_formsets: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview_view)
        return [
            path("preview/", view, name="simulations_simulation_add_preview"),
            path("<path:object_id>/preview/", view, name="simulations_simulation_preview"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def preview_view(self, request: HttpRequest, object_id: str | None = None) -> HttpResponse:
        """Answer with the preview of the posted form; nothing is stored."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        change = object_id is not None
        if not (self.has_change_permission if change else self.has_add_permission)(request):
            raise PermissionDenied
        row = self.get_object(request, object_id) if change else None
        if change and row is None:
            raise Http404
        if change and not self.has_change_permission(request, row):
            raise PermissionDenied
        form = self.get_form(request, row, change=change)(request.POST, instance=row)
        (formset,), _inlines = self._create_formsets(request, form.instance, change=change)
        return render(request, TEMPLATE, {"preview": form_preview(form, formset)})
