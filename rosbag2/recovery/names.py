"""Names of topics that only metadata.yaml still knows."""

from collections import Counter
from collections.abc import Collection, Mapping

from rosbag2.formats.metadata import Topic

Listed = tuple[Topic, int | None]
"""A topic of metadata.yaml with its number of messages."""


def names_by_count(
    counts: Mapping[int, int], known: Mapping[int, Topic], listed: Collection[Listed]
) -> dict[int, Topic]:
    """Return the topics of numbers that lost theirs, where the number of messages leaves no doubt.

    The last nameless topic gets the last name that is left.
    """
    names = {topic.name for topic in known.values()}
    free = [(topic, count) for topic, count in listed if topic.name not in names and count]
    nameless = {key: count for key, count in counts.items() if key not in known}
    if len(free) == len(nameless) == 1:
        return {key: topic for key in nameless for topic, _ in free}
    # Counts that one nameless number and one free name have.
    found, promised = Counter(nameless.values()), Counter(count for _, count in free)
    sure = {count: topic for topic, count in free if found[count or 0] == promised[count] == 1}
    return {key: sure[count] for key, count in nameless.items() if count in sure}
