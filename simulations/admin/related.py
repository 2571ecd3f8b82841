"""Simulations and executions that rosbags and templates belong to."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from common.admin.actions import admin_url
from common.admin.related import MAX_ROWS, Related, related_to
from simulations.admin.formatting import execution_name, status_label
from simulations.failures import recording_name
from simulations.models import Recording, Simulation, Stage
from simulations.services.runs import usage
from storage.choices import Origin
from storage.models import Rosbag
from templates.models import Template


@related_to(Rosbag)
def execution_of(rosbag: Rosbag) -> Iterator[Related]:
    """Find the execution that recorded a rosbag."""
    if rosbag.origin != Origin.RECORDED:
        return
    rows = Recording.objects.select_related("stage_run__execution__simulation").defer("topics")
    for recording in rows.filter(rosbag=rosbag):
        execution = recording.stage_run.execution
        yield Related(
            _("Recorded by the execution"),
            execution_name(execution),
            admin_url(execution),
            "simulations.view_execution",
        )
        yield Related(
            _("Recording"),
            recording_name(recording.unit, recording.agent, recording.attempt),
            admin_url(recording),
            "simulations.view_recording",
            status_label(recording),
        )


@related_to(Template)
def simulations_with(template: Template) -> Iterator[Related]:
    """Find the simulations that have a stage of the template, the newest first."""
    stages = Stage.objects.filter(template=template)
    rows = Simulation.objects.living().filter(pk__in=stages.values("simulation"))
    rows = rows.select_related("latest_execution")
    rows = rows.defer("latest_execution__plan", "latest_execution__outcome")
    for row in rows.order_by("-pk")[: MAX_ROWS + 1]:
        latest = row.latest_execution
        yield Related(
            _("Simulations"),
            row.name,
            admin_url(row),
            "simulations.view_simulation",
            status_label(latest) if latest else "",
            is_use=True,
        )


@related_to(Template)
def executions_with(template: Template) -> Iterator[Related]:
    """Find the executions that have not ended and whose frozen plan names the template."""
    for execution in usage.executions_with_template(template)[: MAX_ROWS + 1]:
        yield Related(
            _("Executions that have not ended"),
            execution_name(execution),
            admin_url(execution),
            "simulations.view_execution",
            status_label(execution),
        )
