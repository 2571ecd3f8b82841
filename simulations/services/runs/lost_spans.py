"""Spans of time of which a recording has nothing, as its segments were not stored.

A span has `began_at` and `ended_at` as ISO 8601, the number of the first missing `segment`, and `why`.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from simulations.choices import LossReason
from simulations.models import RecordingSegment

Span = dict[str, Any]


def of_unfinished(
    segments: Sequence[RecordingSegment], began_ns: int, open_since_ns: int, ended_ns: int
) -> list[Span]:
    """Spans of a recording whose unit did not close it.

    Args:
        segments: Those that are stored, in their order.
        began_ns: Time from which on it recorded.
        open_since_ns: Time from which on nothing may be stored, as far as the unit has reported; else 0.
        ended_ns: Time at which its unit ended.
    """
    spans, number, stored_until = [], 0, began_ns
    for segment in segments:
        if segment.number != number:
            spans.append(_span(number, stored_until, segment.first_ns, LossReason.NOT_STORED))
        number, stored_until = segment.number + 1, segment.last_ns
    since = max(stored_until, open_since_ns)
    return [*spans, _span(number, since, ended_ns, LossReason.UNIT_ENDED)]


def with_segments(spans: Iterable[Span], gone: Iterable[RecordingSegment]) -> list[Span]:
    """Add the spans of segments that the storage has lost."""
    added = [
        _span(part.number, part.first_ns, part.last_ns, LossReason.NOT_STORED) for part in gone
    ]
    before = [span for span in spans if span not in added]
    return sorted([*before, *added], key=lambda span: span["segment"])


def of_rosbag(span: Span, file: str) -> dict[str, Any]:
    """A span as `storage.choices.lost_sentence` words it."""
    times = {"first_ns": to_ns(_time(span["began_at"])), "last_ns": to_ns(_time(span["ended_at"]))}
    return {"file": file, "topic": "", **times, "messages": None}


def to_ns(time: datetime) -> int:
    """Nanoseconds since 1970, of a time in microseconds."""
    return round(time.timestamp() * 1e6) * 1000


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _span(segment: int, began_ns: int, ended_ns: int, why: LossReason) -> Span:
    ends = {"began_at": _text(began_ns), "ended_at": _text(max(began_ns, ended_ns))}
    return {"segment": segment, **ends, "why": str(why)}


def _text(time_ns: int) -> str:
    seconds, rest = divmod(time_ns, 10**9)
    time = datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest // 1000)
    return time.isoformat(timespec="microseconds")
