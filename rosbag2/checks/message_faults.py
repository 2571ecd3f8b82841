"""The messages of a file that cannot be replayed as they are, found in the order of the file."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rosbag2.checks.times import Stray, TimeRule
from rosbag2.errors import BagError, Detail
from rosbag2.formats.metadata import Topic
from rosbag2.reading.base import MAX_BACK, Doubt, Store
from rosbag2.reading.columns import Samples


@dataclass
class MessageFaults:
    """Judges the messages of one file: their data by themselves, their times by their neighbours."""

    invalid: Counter[int] = field(default_factory=Counter)
    """Messages whose data are none, by topic number."""
    times: TimeRule = field(default_factory=TimeRule)

    def take(self, samples: Samples) -> None:
        """Take the next messages of the file."""
        self.times.take(samples.times_ns, samples.topic_ids)
        if int(samples.sizes.min(initial=0)) < 0:
            self.invalid.update(samples.topic_ids[samples.sizes < 0].tolist())

    def strays(self, store: Store) -> list[Stray]:
        """The messages with impossible times, in the order of the file; all were taken."""
        strays = self.times.strays()
        for doubt in store.doubts:
            if _is_wrong(doubt) and not any(s.start <= doubt.number < s.end for s in strays):
                first = (doubt.time_ns, doubt.topic_id)
                strays.append(Stray(doubt.number, 1, first, doubt.before_ns, doubt.after_ns))
        return sorted(strays, key=lambda stray: stray.start)

    def findings(
        self, file: str, topics: Mapping[int, Topic], strays: list[Stray]
    ) -> list[BagError]:
        """The faults as warnings, with the names of the file and its topics."""
        names = Counter[str]()
        for key, count in self.invalid.items():
            if key in topics:
                names[topics[key].name] += count
        findings: list[BagError] = []
        if names:
            topic, _ = names.most_common(1)[0]
            details: dict[str, Detail] = {"topic": topic, "topics": len(names)}
            findings.append(
                BagError("MESSAGES_INVALID", file=file, messages=names.total(), **details)
            )
        if strays:
            time, key = strays[0].first
            details = {"topic": topics[key].name if key in topics else "", "time_ns": time}
            count = sum(stray.count for stray in strays)
            findings.append(BagError("TIMES_IMPOSSIBLE", file=file, messages=count, **details))
        return findings


def _is_wrong(doubt: Doubt) -> bool:
    """Return whether the message rather than the record that contradicts it lies far from the neighbours."""
    neighbours = [time for time in (doubt.before_ns, doubt.after_ns) if time is not None]

    def distance(time: int) -> int:
        return min((abs(time - neighbour) for neighbour in neighbours), default=0)

    far = abs(doubt.time_ns - doubt.claimed_ns) > MAX_BACK
    return far and distance(doubt.time_ns) > distance(doubt.claimed_ns)


class StrayFinder:
    """Tells, of messages by their numbers in rising order, which are strays."""

    def __init__(self, strays: Iterable[Stray]) -> None:
        self.left = deque(strays)

    def find(self, number: int) -> Stray | None:
        """The stray that a message belongs to, None if it has a possible time."""
        while self.left and self.left[0].end <= number:
            self.left.popleft()
        return self.left[0] if self.left and self.left[0].start <= number else None
