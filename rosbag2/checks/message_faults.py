"""The messages of a file that cannot be replayed as they are, found in the order of the file."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from rosbag2.formats.metadata import Topic
from rosbag2.reading.base import Finding
from rosbag2.reading.columns import Samples


@dataclass
class MessageFaults:
    """Counts the faulty messages of one file by topic number."""

    invalid: Counter[int] = field(default_factory=Counter)
    """Messages whose data are none."""

    def take(self, samples: Samples) -> None:
        """Take the next messages of the file."""
        if int(samples.sizes.min(initial=0)) < 0:
            self.invalid.update(samples.topic_ids[samples.sizes < 0].tolist())

    def findings(self, topics: Mapping[int, Topic]) -> list[Finding]:
        """What was found, with the names of the file's topics; all messages were taken."""
        names = Counter[str]()
        for key, count in self.invalid.items():
            if key in topics:
                names[topics[key].name] += count
        return [Finding("MESSAGES_INVALID", _named(names))] if names else []


def _named(names: Counter[str]) -> dict[str, int | str]:
    """The details of a finding: the topic with the most faults, and how many there are of all."""
    topic, _ = names.most_common(1)[0]
    return {"messages": names.total(), "topic": topic, "topics": len(names)}
