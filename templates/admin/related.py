"""Templates that play a rosbag."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from common.admin.actions import admin_url
from common.admin.related import MAX_ROWS, Related, related_to
from storage.models import Rosbag
from templates.models import Template


@related_to(Rosbag)
def templates_with(rosbag: Rosbag) -> Iterator[Related]:
    """Find the templates that play a rosbag, the newest first."""
    rows = Template.objects.living().filter(rosbag=rosbag).order_by("-pk")
    for row in rows[: MAX_ROWS + 1]:
        kind = _("Played by the template")
        yield Related(kind, row.name, admin_url(row), "templates.view_template", is_use=True)
