"""Facts of a rosbag: format, times, numbers, origin."""

from django.utils.translation import gettext as _

from common.admin.numbers import NOTHING, number, size
from common.admin.times import moment
from storage.admin.recorded_times import offset, recorded
from storage.models import Rosbag


def facts_of(rosbag: Rosbag) -> list[tuple[str, str]]:
    """Return names and values of what is known about a rosbag."""
    start, duration = rosbag.start_ns, rosbag.duration_ns
    count = rosbag.message_count
    end = None if start is None or duration is None else start + duration
    known = [
        (_("Recorded from"), recorded(start)),
        (_("Recorded until"), recorded(end)),
        (_("Duration"), NOTHING if duration is None else offset(duration)),
        (_("Messages"), number(count)),
        (_("Size"), size(rosbag.size)),
        (
            _("Storage format"),
            " · ".join(filter(None, (rosbag.storage_id, rosbag.compression))) or NOTHING,
        ),
        (_("ROS distribution"), rosbag.ros_distro.capitalize() or NOTHING),
        (_("Origin"), str(rosbag.get_origin_display())),
        (_("Added"), moment(rosbag.created_at)),
        (_("Added by"), str(rosbag.created_by or NOTHING)),
    ]
    return [(name, value) for name, value in known if value != NOTHING]
