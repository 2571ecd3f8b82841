"""The form of a new simulation, begun from a template."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest

from common.admin.fields import is_id
from common.db.names import free_name
from simulations.choices import Pattern
from simulations.models import Simulation
from simulations.services import quick_run
from templates.models import Template


class FromTemplate:
    """Mixin before `ModelAdmin`: `?template=<id>` proposes a simulation with one stage of it."""

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Propose a name, and the system under test that was used last."""
        values: dict[str, Any] = super().get_changeform_initial_data(request)  # type: ignore[misc]
        mec = quick_run.default_mec()
        proposed: dict[str, Any] = {"pattern": Pattern.SEQUENTIAL, "mec": mec and mec.pk}
        if template := _template(request):
            proposed["name"] = free_name(template.name, Simulation.objects.living())
        return proposed | {name: value for name, value in values.items() if name != "template"}

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Any = None) -> Iterator[Any]:
        """Show one form for the stage."""
        for formset, inline in super().get_formsets_with_inlines(request, obj):  # type: ignore[misc]
            if obj is None and _template(request):
                formset.extra = 1  # the class is made for this request
            yield formset, inline

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Any, inline: Any, prefix: str
    ) -> dict[str, Any]:
        """Propose the stage; a form that comes back with an error has its own."""
        values: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)  # type: ignore[misc]
        if request.method == "GET" and (template := _template(request)):
            values["initial"] = [{"template": template.pk, "agent_count": quick_run.AGENTS}]
        return values


def _template(request: HttpRequest) -> Template | None:
    value = request.GET.get("template", "")
    if not is_id(value):
        return None
    return Template.objects.living().filter(pk=value).first()
