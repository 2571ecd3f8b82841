"""Topics to record."""

from collections import Counter
from typing import Any

from django.utils.translation import gettext as _

from common.exceptions import FieldError
from storage.models import Rosbag
from templates.services.validation.names import is_topic_name, is_type_name
from templates.services.validation.topics import MAX_TOPICS, too_many, topics_by_name


def record_errors(rosbag: Rosbag | None, topics: list[Any]) -> list[FieldError]:
    """Check names and types of topics to record."""
    errors = too_many("/record_topics", topics)
    counts = Counter(topic["name"] for topic in topics)
    # What agents play they can record too, whatever its name is.
    odd = {name for name in counts if not is_topic_name(name)}
    names = topics_by_name(rosbag) if odd and rosbag else ()
    unknown = odd - {f"/{name.removeprefix('/')}" for name in names}
    for index, topic in enumerate(topics[:MAX_TOPICS]):
        pointer = f"/record_topics/{index}"
        if topic["name"] in unknown:
            detail = _(
                "Give a ROS topic name, such as /scan or /arm/joint_states, or a topic of the rosbag."
            )
            errors.append(FieldError(f"{pointer}/name", detail, "TOPIC_NAME_INVALID"))
        elif counts[topic["name"]] > 1:
            errors.append(
                FieldError(f"{pointer}/name", _("List each topic once."), "TOPIC_REPEATED")
            )
        if not is_type_name(topic["type"]):
            detail = _("Give a ROS message type, such as sensor_msgs/msg/LaserScan.")
            errors.append(FieldError(f"{pointer}/type", detail, "TYPE_NAME_INVALID"))
    return errors
