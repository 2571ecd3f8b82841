"""Links from the page of a rosbag to the templates that play it."""

from collections.abc import Iterator

from django.http import HttpRequest
from django.utils.translation import gettext as _

from common.admin.actions import admin_url
from storage.admin.rosbags import neighbours
from storage.admin.rosbags.neighbours import Link
from storage.models import Rosbag
from templates.models import Template

MOST = 5


def template_links(request: HttpRequest, rosbag: Rosbag) -> Iterator[Link]:
    """Link the newest templates of a rosbag."""
    if request.user.has_perm("templates.view_template"):
        for template in Template.objects.living().filter(rosbag=rosbag).order_by("-id")[:MOST]:
            yield Link(admin_url(template), template.name, _("Played by the template"))


neighbours.register(template_links)
