"""Recorded times on pages: dates in the reader's zone with decimals, or seconds of an unset clock."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from common.admin.numbers import NOTHING
from common.admin.times import exact

_EARLIEST, _LATEST = 315_532_800, 7_258_118_400
"""1980 and 2200: outside of these a clock was not set, and its times count from its start."""
_SECOND = 10**9


def recorded(time_ns: int | None, digits: int = 3) -> str:
    """Return a recorded time with so many decimals, with zone and nanoseconds on hover."""
    if time_ns is None:
        return NOTHING
    seconds, rest = divmod(time_ns, _SECOND)
    if not _EARLIEST <= seconds < _LATEST:
        return format_html(
            '<span title="{} ns">{}</span>', time_ns, _("%s (clock not set)") % offset(time_ns)
        )
    moment = timezone.localtime(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
    fraction = f"{rest // 10 ** (9 - digits):0{digits}}"
    text = f"{moment:%Y-%m-%d %H:%M:%S}.{fraction}"
    iso = moment.replace(microsecond=rest // 1000).isoformat()
    title = f"{exact(moment)}, {time_ns} ns"
    return format_html('<time datetime="{}" title="{}">{}</time>', iso, title, text)


def offset(span_ns: int, digits: int = 3) -> str:
    """Return a time from the start of the rosbag, in seconds."""
    sign, (seconds, rest) = "-" if span_ns < 0 else "", divmod(abs(span_ns), _SECOND)
    return f"{sign}{seconds:,}.{rest // 10 ** (9 - digits):0{digits}} s"
