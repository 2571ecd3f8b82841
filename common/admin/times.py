"""Times and durations of the console, in the time zone and the language of the person.

A page shows how long ago something was; the exact time, with its offset and zone, is on hover, and for the
complete page by the switch in its header (`common/console/times.js`, which keeps the relative texts current).
"""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.admin.numbers import number

NOTHING = "-"
MINUTE, HOUR, DAY = 60, 3600, 86400
RELATIVE_DAYS = 30
"""Times further away are shown as dates."""
PRECISE = 10
"""Seconds from which on a duration has no decimal."""


def moment(when: datetime | None) -> str:
    """Show a time relative to now, with the exact time as its title."""
    if when is None:
        return NOTHING
    local = timezone.localtime(when)
    return format_html(
        '<time datetime="{}" title="{}" data-date="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        exact(when),
        date(when),
        relative(when),
    )


def exact(when: datetime) -> str:
    """Format a time to the second, with offset and zone: also in the hour that comes twice."""
    local = timezone.localtime(when)
    return f"{local:%Y-%m-%d %H:%M:%S} {_offset(local)}{_zone(local)}"


def date(when: datetime) -> str:
    """Format a time to the minute; with its offset where the clock shows it twice."""
    local = timezone.localtime(when)
    other = local.replace(fold=1 - local.fold)
    twice = other.utcoffset() != local.utcoffset()
    return f"{local:%Y-%m-%d %H:%M}" + (f" {_offset(local)}" if twice else "")


def relative(when: datetime) -> str:
    """Say how long ago a time was, or in how long it will be; a date beyond a month."""
    seconds = (timezone.now() - when).total_seconds()
    size = abs(seconds)
    if size >= RELATIVE_DAYS * DAY:
        return date(when)
    if size < MINUTE:
        return _seconds(int(seconds))
    if size < HOUR:
        return _minutes(int(size // MINUTE), past=seconds > 0)
    if size < DAY:
        return _hours(int(size // HOUR), past=seconds > 0)
    return _days(int(size // DAY), past=seconds > 0)


def _seconds(seconds: int) -> str:
    if seconds == 0:
        return _("now")
    if seconds > 0:
        return ngettext("%d second ago", "%d seconds ago", seconds) % seconds
    return ngettext("in %d second", "in %d seconds", -seconds) % -seconds


def _minutes(count: int, *, past: bool) -> str:
    if past:
        return ngettext("%d minute ago", "%d minutes ago", count) % count
    return ngettext("in %d minute", "in %d minutes", count) % count


def _hours(count: int, *, past: bool) -> str:
    if past:
        return ngettext("%d hour ago", "%d hours ago", count) % count
    return ngettext("in %d hour", "in %d hours", count) % count


def _days(count: int, *, past: bool) -> str:
    if past:
        return ngettext("%d day ago", "%d days ago", count) % count
    return ngettext("in %d day", "in %d days", count) % count


def span(seconds: float | None) -> str:
    """Format a duration: `40 ms`, `2.5 s`, `3 min 20 s`, `1 h 5 min`, `2 d 3 h`."""
    if seconds is None:
        return NOTHING
    exactly = max(0.0, float(seconds))
    count = round(exactly)
    values = {
        "s": count % MINUTE,
        "min": count // MINUTE % 60,
        "h": count // HOUR % 24,
        "d": count // DAY,
        "hours": count // HOUR,
    }
    if count >= 2 * DAY:
        return _("%(d)d d %(h)d h") % values
    if count >= HOUR:
        return _("%(hours)d h %(min)d min") % values
    if count >= MINUTE:
        return _("%(min)d min %(s)d s") % values
    if 0 < exactly < 1:
        return _("%(ms)s ms") % {"ms": number(max(1, exactly * 1000))}
    decimals = 1 if exactly < PRECISE else 0
    return _("%(seconds)s s") % {"seconds": number(exactly, decimals)}


def between(begin: datetime | None, end: datetime | None) -> str:
    """Format the time from one moment to another, or to now."""
    if begin is None:
        return NOTHING
    return span(((end or timezone.now()) - begin) / timedelta(seconds=1))


def zone_name() -> str:
    """Return the name of the active time zone, such as Asia/Seoul."""
    return timezone.get_current_timezone_name()


def _offset(local: datetime) -> str:
    """Return the offset of a time from UTC, such as `UTC+02:00`."""
    digits = f"{local:%z}"
    return f"UTC{digits[:3]}:{digits[3:5]}" if local.utcoffset() else "UTC"


def _zone(local: datetime) -> str:
    name = zone_name()
    return "" if name == "UTC" else f" ({name})"
