"""Numbers and sizes in the form of the active language."""

from django.utils.formats import number_format
from django.utils.translation import gettext as _

NOTHING = "-"
KIBI = 1024
UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def number(value: float | None, decimals: int = 0) -> str:
    """Format a number with its thousands in groups."""
    if value is None:
        return NOTHING
    return number_format(round(value, decimals), decimals, force_grouping=True)


def size(count: float | None) -> str:
    """Format a number of bytes, from a KiB on with one decimal."""
    if count is None:
        return NOTHING
    if count < KIBI:
        return _("%(bytes)s B") % {"bytes": number(count)}
    value = count / KIBI
    at = 0
    while round(value, 1) >= KIBI and at < len(UNITS) - 1:
        value /= KIBI
        at += 1
    return f"{number(value, 1)} {UNITS[at]}"
