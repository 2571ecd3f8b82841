"""Length of one pass of a rosbag, from its index: of the part that is played, with shortened long gaps."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from storage.models import RosbagTopic
from templates.services.played_part import Stretch, played_part, with_messages

MAX_PERIODS = 3
"""Periods of a topic without a message that the index does not list as a gap."""


@dataclass(frozen=True)
class PassLength:
    """Seconds of recorded time of one pass, and those that are left out of its gaps.

    Unless `is_known`, more may be left out.
    """

    seconds: float
    left_out: float = 0.0
    is_known: bool = True


INDEX_FIELDS = ("name", "message_count", "first_ns", "last_ns", "period_ns", "gap_count", "gaps")
"""Fields of a topic that are needed here."""


def pass_length(
    topics: Iterable[RosbagTopic],
    max_gap_seconds: float | None,
    start_offset: float = 0.0,
    end_offset: float | None = None,
) -> PassLength:
    """The length of a pass over these topics, whose gaps count as at most `max_gap_seconds`.

    The index keeps the longest gaps of each topic. Between these its messages are close together, or too
    far apart for the index to tell where they are, as those of a topic with less than one message in
    `max_gap_seconds`: a gap of all topics together may begin or end with any of them. Where the played
    part begins or ends between messages of a topic, the length is right to within its period.
    """
    rows = with_messages(topics)
    part = played_part(rows, start_offset, end_offset)
    stretches = [(topic, list(_played_stretches(topic, part))) for topic in rows]
    edges = [time for _topic, played in stretches for stretch in played for time in stretch]
    if not edges:
        return PassLength(0.0)
    seconds = (max(edges) - min(edges)) / 1e9
    if max_gap_seconds is None:
        return PassLength(seconds)
    left_out, is_known = _left_out(stretches, round(max_gap_seconds * 1e9))
    return PassLength(seconds - left_out / 1e9, left_out / 1e9, is_known)


def _left_out(stretches: list[tuple[RosbagTopic, list[Stretch]]], max_gap: int) -> tuple[int, bool]:
    """Nanoseconds that are left out, and whether these are all."""
    dense: Counter[int] = Counter()
    sparse: Counter[int] = Counter()
    for topic, played in stretches:
        changes = dense if _is_dense(topic, max_gap) else sparse
        for start, end in played:
            changes[start] += 1
            changes[end] -= 1
    left_out, is_known = 0, True
    in_dense = in_sparse = 0
    for time, following in pairwise(sorted(dense.keys() | sparse.keys())):
        in_dense += dense[time]
        in_sparse += sparse[time]
        too_long = following - time - max_gap
        if too_long <= 0 or in_dense:
            continue
        if in_sparse:
            is_known = False
        else:
            left_out += too_long
    return left_out, is_known


def _played_stretches(topic: RosbagTopic, part: Stretch) -> Iterator[Stretch]:
    """The stretches of a topic, as far as they are in the played part."""
    for start, end in _stretches(topic):
        played = max(start, part[0]), min(end, part[1])
        if played[0] <= played[1]:
            yield played


def _stretches(topic: RosbagTopic) -> Iterator[Stretch]:
    """The stretches of a topic between the gaps that its index lists."""
    start = topic.first_ns or 0
    for gap_start, gap_end in _gaps(topic):
        if gap_start >= start:  # else its messages are not in the order of their times
            yield start, gap_start
            start = gap_end
    yield start, topic.last_ns or 0


def _gaps(topic: RosbagTopic) -> list[Stretch]:
    if topic.message_count == 2:  # noqa: PLR2004 - too few for the index to speak of a gap
        return [(topic.first_ns or 0, topic.last_ns or 0)]
    return [(start, end) for start, end in topic.gaps]


def _is_dense(topic: RosbagTopic, max_gap: int) -> bool:
    """Tell whether all messages outside the listed gaps are at most `max_gap` apart."""
    lengths = [end - start for start, end in topic.gaps]
    is_truncated = topic.gap_count > len(lengths)
    longest_other = min(lengths) if is_truncated and lengths else MAX_PERIODS * topic.period_ns
    # A clock that was set back while it was recorded leaves gaps that the index does not have.
    others = topic.message_count - 1 - len(lengths)
    covered = (topic.last_ns or 0) - (topic.first_ns or 0) - sum(lengths)
    return longest_other <= max_gap and covered <= longest_other * others
