"""When what was recorded, as the index has it."""

from typing import Any

from storage.models import Rosbag

MOST_TOPICS = 500


def timeline(rosbag: Rosbag) -> dict[str, Any]:
    """The time line of a rosbag with the histograms of its topics; empty before verification."""
    topics = list(rosbag.topics.all()[: MOST_TOPICS + 1])
    many = len(topics) > MOST_TOPICS
    bins = max((len(topic.histogram) for topic in topics), default=0)
    start, duration = rosbag.start_ns, rosbag.duration_ns
    known = start is not None and duration is not None
    return {
        "start_ns": start,
        "end_ns": (start or 0) + (duration or 0) if known else None,
        "duration_ns": duration,
        "bin_ns": (duration or 0) // bins + 1 if known and bins else None,
        "message_count": rosbag.message_count,
        "files": list(rosbag.files.all()),
        "topic_count": rosbag.topics.count() if many else len(topics),
        "topics": topics[:MOST_TOPICS],
    }
