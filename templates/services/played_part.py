"""The part of a recording that a template plays, and how many messages it has.

Offsets count from the first message of the played topics. The index of a rosbag counts messages in
equal intervals: where the part begins or ends within one, its messages are estimated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storage.models import Rosbag, RosbagTopic

Stretch = tuple[int, int]
"""Two times, in ns, both included."""


@dataclass(frozen=True)
class Contents:
    """Messages and bytes of a part; unless `is_exact` they are estimated."""

    messages: int
    size: int
    is_exact: bool


def with_messages(topics: Iterable[RosbagTopic]) -> list[RosbagTopic]:
    """The topics that have messages with known times."""
    return [topic for topic in topics if topic.first_ns is not None and topic.last_ns is not None]


def recorded_seconds(topics: Iterable[RosbagTopic]) -> float | None:
    """Seconds from the first to the last message; None without messages."""
    rows = with_messages(topics)
    if not rows:
        return None
    first, last = played_part(rows)
    return (last - first) / 1e9


def played_part(
    topics: Sequence[RosbagTopic], start_offset: float = 0.0, end_offset: float | None = None
) -> Stretch:
    """The part between the offsets; `topics` have messages."""
    first = min((topic.first_ns or 0 for topic in topics), default=0)
    last = max((topic.last_ns or 0 for topic in topics), default=0)
    end = last if end_offset is None else min(last, first + round(end_offset * 1e9))
    return first + round(start_offset * 1e9), end


def contents(
    rosbag: Rosbag,
    topics: Sequence[RosbagTopic],
    start_offset: float = 0.0,
    end_offset: float | None = None,
) -> Contents:
    """Count messages and bytes of these topics between the offsets."""
    if not start_offset and end_offset is None:
        messages = sum(topic.message_count for topic in topics)
        return Contents(messages, sum(topic.size for topic in topics), is_exact=True)
    rows = with_messages(topics)
    part = played_part(rows, start_offset, end_offset)
    shares = [(topic, _share(rosbag, topic, part)) for topic in rows]
    count = sum(topic.message_count * share for topic, share in shares)
    return Contents(
        messages=max(round(count), 1 if count else 0),
        size=round(sum(topic.size * share for topic, share in shares)),
        is_exact=not any(0.0 < share < 1.0 for _topic, share in shares),
    )


def _share(rosbag: Rosbag, topic: RosbagTopic, part: Stretch) -> float:
    """The share of a topic's messages that is in a part."""
    first, last = topic.first_ns or 0, topic.last_ns or 0
    if part[0] <= first and last <= part[1]:
        return 1.0
    counts = _counts(rosbag, topic)
    total = sum(counts.values())
    if last < part[0] or part[1] < first or not total:
        return 0.0
    inside = sum(count * _overlap(interval, part) for interval, count in counts.items())
    has_edge = part[0] <= first or last <= part[1]  # its first message, or its last
    return min(max(inside, float(has_edge)) / total, 1.0)


def _counts(rosbag: Rosbag, topic: RosbagTopic) -> Mapping[Stretch, int]:
    """Messages by intervals of the recording; a topic without a histogram counts as one interval."""
    first, last = topic.first_ns or 0, topic.last_ns or 0
    if not topic.histogram or rosbag.start_ns is None or rosbag.duration_ns is None:
        return {(first, last): topic.message_count}
    width = rosbag.duration_ns // len(topic.histogram) + 1
    starts = [rosbag.start_ns + number * width for number in range(len(topic.histogram))]
    return {
        (max(start, first), min(start + width, last)): count
        for start, count in zip(starts, topic.histogram, strict=True)
        if count
    }


def _overlap(interval: Stretch, part: Stretch) -> float:
    """The share of an interval that is in a part."""
    start, end = max(interval[0], part[0]), min(interval[1], part[1])
    length = interval[1] - interval[0]
    if length <= 0:
        return float(part[0] <= interval[0] <= part[1])
    return max(0, end - start) / length
