"""Times and durations on pages."""

from datetime import datetime

from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

NOTHING = "-"


def moment(value: datetime | None) -> str:
    """Return a time relative to now, with the exact time in the reader's zone on hover."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    exact = f"{formats.date_format(local, 'Y-m-d H:i:s')} {local.tzname()}"
    text = _("%(time)s ago") % {"time": timesince(value, depth=1)}
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), exact, text)


def span(seconds: float | None) -> str:
    """Return a duration with the two largest units."""
    if seconds is None:
        return NOTHING
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
