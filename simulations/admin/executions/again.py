"""The page that is shown before an execution is run again: what the two plans differ in."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from common.admin.actions import admin_url
from simulations.admin.formatting import execution_name
from simulations.admin.plan_words import difference_rows, rosbag_names
from simulations.models import Execution
from simulations.services.runs.repeats import Repeats, preview


def again_page(
    request: HttpRequest, execution: Execution, site_context: dict[str, Any]
) -> HttpResponse:
    """Show both ways to run an execution again, and their differences in words."""
    repeats = preview(execution)
    context = {
        **site_context,
        "execution": execution,
        "execution_name": execution_name(execution),
        "execution_url": admin_url(execution),
        "simulation_url": admin_url(execution.simulation),
        "repeats": repeats,
        "rows": _rows(repeats),
    }
    return TemplateResponse(request, "simulations/console/execution/again.html", context)


def _rows(repeats: Repeats) -> list[dict[str, Any]]:
    plans = [plan for plan in (repeats.frozen, repeats.latest) if plan is not None]
    return difference_rows(repeats.differences, rosbag_names(plans))
