"""Messages as lines for people and programs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rosbag2.extraction.decoded_bag import DecodedBag, Span
from rosbag2.messages.cdr import CdrError
from rosbag2.messages.message_types import TypeUnknownError
from rosbag2.messages.to_json import to_json

_SECOND = 10**9


def messages(
    source: DecodedBag, topics: list[str] | None, *, span: Span, limit: int, items: int
) -> Iterator[dict[str, Any]]:
    """The first messages of a span, decoded; one that cannot be says why in `error`.

    Raises:
        TopicUnknownError: a topic is not in the bag.
    """
    for name in topics or ():
        source.topic(name)
    left = limit
    if not left:
        return
    for time_ns, name, data in source.messages(topics, span, size=min(limit, 100)):
        yield _line(source, time_ns, name, data, items)
        left -= 1
        if not left:
            return


def _line(source: DecodedBag, time_ns: int, name: str, data: bytes, items: int) -> dict[str, Any]:
    decoded: dict[str, Any] | None = None
    error: dict[str, str] | None = None
    try:
        decoded = to_json(source.message_type(name), data, items)
    except (TypeUnknownError, CdrError) as failure:
        error = {"code": failure.code, "detail": str(failure)}
    return {
        "topic": name,
        "type": source.topics[name].type,
        "time_ns": time_ns,
        "time": moment(time_ns),
        "size": len(data),
        "message": decoded,
        "error": error,
    }


def moment(time_ns: int) -> str | None:
    """A time as ISO 8601 with nanoseconds, in UTC; None beyond the years 1 to 9999."""
    seconds, rest = divmod(time_ns, _SECOND)
    try:
        moment_utc = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return f"{moment_utc:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
