"""The fieldset of resources: a description, and what agents have used."""

from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from templates.models import Template
from templates.services.measured import measured

FIELDS = ("agent_cpu", "agent_cpu_limit", "agent_memory", "agent_memory_limit")
TITLE = _("Resources")
DESCRIPTION = _(
    "On a Kubernetes cluster a unit reserves what the program itself needs, about 0.01 cores and 40 to 100 "
    "MiB, and this for each of its agents. The backend “this machine” reserves and limits nothing."
)
FIELDSET: tuple[Any, Any] = (
    TITLE,
    {"fields": [FIELDS[:2], FIELDS[2:]], "description": DESCRIPTION},
)


def with_measured(fieldsets: list[Any], template: Template) -> list[Any]:
    """Show what agents of the template have used, and offer to reserve it."""
    if (result := measured(template)) is None:
        return fieldsets
    url = reverse("admin:simulations_execution_change", args=[result.execution])
    values = {"text": DESCRIPTION, "measured": result, "url": url}
    description = render_to_string("templates/console/measured.html", values)
    unfolded = (TITLE, FIELDSET[1] | {"description": description})
    return [unfolded if title == TITLE else (title, options) for title, options in fieldsets]
