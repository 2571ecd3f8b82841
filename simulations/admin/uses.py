"""Uses of templates by simulations, and by executions that have not ended."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from common.admin.actions import admin_url
from common.admin.uses import MAX_USES, Use, users_of
from simulations.admin.formatting import execution_name, status_label
from simulations.models import Simulation, Stage
from simulations.services.runs import usage
from templates.models import Template


@users_of(Template)
def simulations_with(template: Template) -> Iterator[Use]:
    """Find the simulations that have a stage of the template, the newest first."""
    stages = Stage.objects.filter(template=template)
    rows = Simulation.objects.living().filter(pk__in=stages.values("simulation"))
    rows = rows.select_related("latest_execution").defer("latest_execution__plan")
    for row in rows.order_by("-pk")[: MAX_USES + 1]:
        latest = row.latest_execution
        state = status_label(latest) if latest else ""
        yield Use(_("Simulations"), row.name, admin_url(row), "simulations.view_simulation", state)


@users_of(Template)
def executions_with(template: Template) -> Iterator[Use]:
    """Find the executions that have not ended and whose frozen plan names the template."""
    for execution in usage.executions_with_template(template)[: MAX_USES + 1]:
        yield Use(
            _("Executions that have not ended"),
            execution_name(execution),
            admin_url(execution),
            "simulations.view_execution",
            status_label(execution),
        )
