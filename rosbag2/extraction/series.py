"""A field over time, in equal stretches with the least and the greatest value of each."""

import math
from typing import Any

from rosbag2.extraction.decoded_bag import DecodedBag, Span
from rosbag2.messages.cdr import CdrError
from rosbag2.messages.fields import FieldUnknownError, Picker

MAX_READ = 2_000_000
"""Messages of a topic that are read; of more, every second one, third one and so on."""


def series(
    source: DecodedBag, name: str, path: str, *, span: Span, bins: int, count: int
) -> dict[str, Any]:
    """A numeric field in at most `bins` stretches of `span`; `count` is about how many messages there are.

    A value that is not finite is counted and left out; so is a message that cannot be read,
    or whose array is too short.

    Raises:
        TopicUnknownError, TypeUnknownError: as `DecodedBag.shape`.
        FieldUnknownError: no such field, or a text.
    """
    picker = Picker(source.message_type(name), [path])
    if picker.kinds[0] == "string":
        raise FieldUnknownError(f"{path} is a text: choose a field of numbers")
    every = max(1, -(-count // MAX_READ))
    width = max(1, -(-(span[1] - span[0] + 1) // bins))
    stretches: dict[int, _Bin] = {}
    counts = {"count": 0, "not_finite": 0, "missing": 0}
    for number, (time_ns, _topic, data) in enumerate(source.messages([name], span)):
        if number % every:
            continue
        try:
            value = picker.pick(data)[0]
        except CdrError:
            value = None
        if value is None:
            counts["missing"] += 1
        elif not math.isfinite(value):
            counts["not_finite"] += 1
        else:
            counts["count"] += 1
            stretches.setdefault((time_ns - span[0]) // width, _Bin(time_ns)).add(
                time_ns, float(value)
            )
    points = [stretches[number].to_dict() for number in sorted(stretches)]
    kind = picker.kinds[0]
    return {"topic": name, "field": path, "type": kind, "every": every, **counts, "points": points}


class _Bin:
    """The values of one stretch."""

    __slots__ = ("count", "first_ns", "last_ns", "maximum", "minimum", "total")

    def __init__(self, time_ns: int) -> None:
        self.first_ns = self.last_ns = time_ns
        self.minimum, self.maximum = math.inf, -math.inf
        self.total = 0.0
        self.count = 0

    def add(self, time_ns: int, value: float) -> None:
        self.last_ns = time_ns
        self.count += 1
        self.total += value
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)

    def to_dict(self) -> dict[str, Any]:
        mean = self.total / self.count
        return {
            "first_ns": self.first_ns,
            "last_ns": self.last_ns,
            "min": self.minimum,
            "max": self.maximum,
            "mean": mean if math.isfinite(mean) else self.minimum / 2 + self.maximum / 2,
            "count": self.count,
        }
