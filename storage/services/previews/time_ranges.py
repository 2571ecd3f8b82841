"""Parsing times and time ranges within a rosbag, as users write them, into nanoseconds."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from common.exceptions import FieldError
from storage.exceptions import SpanInvalidError
from storage.models import Rosbag

PATTERN = (
    r"^(-?[0-9]{1,19}|[+ -][0-9]{1,10}(\.[0-9]{1,9})?s?|[0-9]{1,10}(\.[0-9]{1,9})?s|"
    r"[0-9]{1,10}\.[0-9]{1,9}|"
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:]{5,8}(\.[0-9]{1,9})?(Z|[+ -][0-9]{2}:?[0-9]{2})?)?)$"
)
"""Accepted forms of a time; also part of the API schema."""
_RELATIVE = re.compile(r"([+ -]?)(\d{1,10}(?:\.\d{1,9})?)(s?)")
_MOMENT = re.compile(r"(.{10}(?:[T ][0-9:]{5,8})?)(?:\.(\d{1,9}))?(Z|[+ -]\d\d:?\d\d)?")
_SECOND = 10**9
_INT64 = 2**63

Span = tuple[int, int]


def parse_span(rosbag: Rosbag, start: str, end: str) -> Span:
    """Parse a time range; an empty text stands for that end of the rosbag.

    Returns:
        First and last time in nanoseconds, both included.

    Raises:
        SpanInvalidError: A text is no time, or the range does not overlap the rosbag.
    """
    first = 0 if rosbag.start_ns is None else rosbag.start_ns
    last = first + (rosbag.duration_ns or 0)
    span = (
        parse_time(start, first, last, "start") if start else first,
        parse_time(end, first, last, "end") if end else last,
    )
    if span[0] > span[1]:
        message = _("The end is before the start: give an end that is not before the start.")
        raise _invalid("end", message)
    if rosbag.start_ns is not None and (span[0] > last or span[1] < first):
        message = _(
            "The rosbag has no data in this range: it goes from %(first)d to %(last)d ns. An integer is "
            "nanoseconds since 1970; write 2.5s for seconds from its start."
        ) % {"first": first, "last": last}
        raise _invalid("start", message)
    return span


def parse_time(text: str, first: int, last: int, name: str) -> int:
    """Parse a time: nanoseconds since 1970, ISO 8601, or seconds from the start (`-5s`: from the end).

    Raises:
        SpanInvalidError: The text is no time.
    """
    if not re.fullmatch(PATTERN, text):
        message = _(
            "%(text)s is not a time: write nanoseconds since 1970, a time such as 2026-03-02T09:30:00Z, or "
            "seconds from the start such as 2.5s."
        ) % {"text": text[:50]}
        raise _invalid(name, message)
    time_ns = _absolute(text)
    if time_ns is None:
        match = _RELATIVE.fullmatch(text)
        sign, digits = (match[1], match[2]) if match else ("", "0")
        distance = int(Decimal(digits) * _SECOND)
        time_ns = last - distance if sign == "-" else first + distance
    return max(-_INT64, min(time_ns, _INT64 - 1))


def _absolute(text: str) -> int | None:
    if re.fullmatch(r"\d{1,19}|-\d{11,19}", text):
        return int(text)
    match = _MOMENT.fullmatch(text)
    if match is None or text[4:5] != "-" or not text[:4].isdecimal():
        return None
    zone = (match[3] or "Z").replace(" ", "+")
    try:
        time = datetime.fromisoformat(match[1] + ("" if len(match[1]) == 10 else zone))  # noqa: PLR2004
    except ValueError as error:
        message = _("%(text)s is not a date that exists.") % {"text": text[:50]}
        raise _invalid("start", message) from error
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    since_epoch = time - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since_epoch.days * 86400 + since_epoch.seconds
    return seconds * _SECOND + int((match[2] or "0").ljust(9, "0"))


def _invalid(name: str, detail: str) -> SpanInvalidError:
    return SpanInvalidError(errors=[FieldError(f"/{name}", detail, SpanInvalidError.code)])
