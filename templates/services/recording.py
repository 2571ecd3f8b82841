"""Topics of a rosbag that agents which play it can record."""

from storage.models import Rosbag
from templates.services.validation.names import is_type_name


def recordable_topics(rosbag: Rosbag) -> list[dict[str, str]]:
    """All playable topics of a rosbag as topics to record, in the order of their names.

    Names are as a template stores them; some bags lack the slash.
    """
    topics = rosbag.topics.playable().order_by("name").values_list("name", "type")
    types = {f"/{name.removeprefix('/')}": kind for name, kind in topics if is_type_name(kind)}
    return [{"name": name, "type": kind} for name, kind in types.items()]
