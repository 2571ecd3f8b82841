"""Link from the page of a recorded rosbag to the execution that recorded it."""

from collections.abc import Iterator

from django.http import HttpRequest
from django.utils.translation import gettext as _

from common.admin.actions import admin_url
from simulations.models import Recording
from storage.admin.rosbags import neighbours
from storage.admin.rosbags.neighbours import Link
from storage.choices import Origin
from storage.models import Rosbag


def execution_links(request: HttpRequest, rosbag: Rosbag) -> Iterator[Link]:
    """Link the execution that recorded a rosbag."""
    if rosbag.origin != Origin.RECORDED or not request.user.has_perm("simulations.view_execution"):
        return
    rows = Recording.objects.select_related("stage_run__execution__simulation")
    for recording in rows.filter(rosbag=rosbag):
        execution = recording.stage_run.execution
        name = f"{execution.simulation.name} #{execution.number}"
        yield Link(admin_url(execution), name, _("Recorded by the execution"))


neighbours.register(execution_links)
