"""Steps of templates with rows of other apps."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from common.admin.next_steps import NextStep, offers, step_url
from storage.models import Rosbag


@offers(Rosbag)
def make_a_template(rosbag: Rosbag) -> Iterator[NextStep]:
    """Lead to the form of a new template with the rosbag chosen."""
    if rosbag.usable:
        url = step_url("templates_template_add", rosbag=rosbag.pk)
        yield NextStep(_("Make a template"), url, "templates.add_template")
