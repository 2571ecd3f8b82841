"""Steps from rosbags, templates and executions towards runs and their recordings."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from common.admin.next_steps import NextStep, offers, step_url
from simulations.models import Execution, Recording
from storage.choices import Status
from storage.models import Rosbag
from templates.models import Template


@offers(Rosbag)
def quick_run(rosbag: Rosbag) -> Iterator[NextStep]:
    """Lead to a quick run of the rosbag, which may still be on its way to be ready."""
    if rosbag.usable or (rosbag.status == Status.VERIFYING and rosbag.deleted_at is None):
        url = step_url("simulations_simulation_quick_run", rosbag=rosbag.pk)
        yield NextStep(_("Quick run"), url, "simulations.quickrun_simulation", is_main=True)


@offers(Template)
def simulate(template: Template) -> Iterator[NextStep]:
    """Lead to the form of a new simulation with one stage of the template."""
    if template.deleted_at is None:
        url = step_url("simulations_simulation_add", template=template.pk)
        yield NextStep(_("Simulate"), url, "simulations.add_simulation", is_main=True)


@offers(Execution)
def open_the_recording(execution: Execution) -> Iterator[NextStep]:
    """Lead to the recording of an ended execution, or to the list of several."""
    if not execution.ended:
        return
    stored = Recording.objects.filter(stage_run__execution=execution)
    rosbags = list(
        stored.filter(rosbag__isnull=False, rosbag__deleted_at=None).values_list(
            "rosbag", flat=True
        )[:2]
    )
    if len(rosbags) == 1:
        url = reverse("admin:storage_rosbag_change", args=rosbags)
        yield NextStep(_("Open the recording"), url, "storage.view_rosbag")
    elif rosbags:
        url = step_url("simulations_recording_changelist", execution=execution.pk)
        yield NextStep(_("Open the recordings"), url, "simulations.view_recording")
