"""Part of the recording that is played: it must have messages."""

from django.utils.translation import gettext as _

from common.exceptions import FieldError
from storage.models import Rosbag
from templates.models import Template
from templates.services.played_part import recorded_seconds
from templates.services.topic_choice import TopicChoice

RANGE = {"start_offset", "end_offset"}


def range_errors(rosbag: Rosbag, template: Template) -> list[FieldError]:
    """Check that the offsets lie within what was recorded of the played topics."""
    if not template.start_offset and template.end_offset is None:
        return []
    topics = list(rosbag.topics.playable().only("name", "first_ns", "last_ns"))
    played = set(TopicChoice.of(template).played(topic.name for topic in topics))
    seconds = recorded_seconds(topic for topic in topics if topic.name in played)
    if seconds is None:
        return []
    detail = _("The played topics were recorded for %(seconds)s s: give at most that.")
    detail %= {"seconds": f"{seconds:,.3f}"}
    offsets = {"start_offset": template.start_offset, "end_offset": template.end_offset}
    return [
        FieldError(f"/{name}", detail, "OFFSET_BEYOND_RECORDING")
        for name, offset in offsets.items()
        if offset is not None and offset > round(seconds, 3)  # as it is shown
    ]
