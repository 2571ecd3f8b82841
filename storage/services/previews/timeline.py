"""The time line of a rosbag, from its index."""

from typing import Any

from storage.models import Rosbag

MAX_TOPICS = 500


def timeline(rosbag: Rosbag) -> dict[str, Any]:
    """The time line of a rosbag with histograms of its topics; empty before verification."""
    topics = list(rosbag.topics.all()[: MAX_TOPICS + 1])
    truncated = len(topics) > MAX_TOPICS
    bins = max((len(topic.histogram) for topic in topics), default=0)
    start, duration = rosbag.start_ns, rosbag.duration_ns
    is_indexed = start is not None and duration is not None
    return {
        "start_ns": start,
        "end_ns": (start or 0) + (duration or 0) if is_indexed else None,
        "duration_ns": duration,
        "bin_ns": (duration or 0) // bins + 1 if is_indexed and bins else None,
        "message_count": rosbag.message_count,
        "files": list(rosbag.files.all()),
        "topic_count": rosbag.topics.count() if truncated else len(topics),
        "topics": topics[:MAX_TOPICS],
    }
