"""Template tags of the console: badges, times, numbers and the cells of lists."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from common.admin import badges, list_filters, numbers, times
from common.admin.changelists import MAX_COUNT
from common.admin.columns import is_numeric, yes_or_no

register = template.Library()

register.filter("moment", times.moment)
register.filter("exact", times.exact)
register.filter("span", times.span)
register.filter("number", numbers.number)
register.filter("size", numbers.size)
register.simple_tag(times.zone_name)
register.simple_tag(list_filters.filters_of)
register.simple_tag(list_filters.active_filters)
register.simple_tag(list_filters.filters_query)
register.simple_tag(list_filters.clear_query)


@register.simple_tag
def term(slug: str, name: object) -> SafeString:
    """Link to a term of the glossary, beside the heading that uses it."""
    text = _("%(term)s: explained in the glossary") % {"term": name}
    return format_html(
        '<a class="term" href="{}#{}" title="{}" aria-label="{}">?</a>',
        *(reverse("admin:glossary"), slug, text, text),
    )


@register.filter
def boolean_words(contents: SafeString) -> str:
    """Show a read-only boolean as a word; Django shows a picture with an English text."""
    if not contents.startswith("<img "):
        return contents
    values = {"True": True, "False": False, "None": None}
    return next(
        (yes_or_no(value) for text, value in values.items() if f'alt="{text}"' in contents),
        contents,
    )


@register.filter
def at_most_counted(count: int) -> str:
    """Format the number of rows of a list; `10,000+` where no further ones were counted."""
    return f"{numbers.number(MAX_COUNT)}+" if count >= MAX_COUNT else numbers.number(count)


@register.filter
def first_row(changelist: Any) -> int:
    """Return the number of the first row of a page of a list."""
    if changelist.show_all or not changelist.multi_page:
        return 1
    return int((changelist.page_num - 1) * changelist.list_per_page + 1)


@register.filter
def last_row(changelist: Any) -> int:
    """Return the number of the last row of a page of a list."""
    return first_row(changelist) + len(changelist.result_list) - 1


@register.filter
def badge(text: object, tone: badges.Tone) -> str:
    """Return a badge of this tone."""
    return badges.badge(tone, text)


@register.simple_tag
def card_cells(changelist: Any, cells: list[str], headers: list[dict[str, Any]]) -> list[str]:
    """Give each cell of a row of Django's list the label of its column, which phones show."""
    columns = changelist.list_display
    return [
        _labelled(cell, header["text"], numeric=is_numeric(changelist.model_admin, column))
        for cell, header, column in zip(cells, headers, columns, strict=True)
    ]


def _labelled(cell: str, label: object, *, numeric: bool) -> str:
    tag, rest = cell[1:3], cell[3:]
    if "action-checkbox" in cell[:40]:
        label = ""
    if numeric:
        rest = rest.replace(' class="', ' class="n ', 1)
    role = "rowheader" if tag == "th" else "cell"
    text = capfirst(str(label))
    return format_html('<{} role="{}" data-label="{}"{}', tag, role, text, SafeString(rest))


@register.simple_tag
def header_class(changelist: Any, header: dict[str, Any], at: int) -> str:
    """Return the `class` of a heading, aligned as its column."""
    attribute = str(header["class_attrib"])
    if is_numeric(changelist.model_admin, changelist.list_display[at]):
        attribute = attribute.replace(' class="', ' class="n ', 1)
    return SafeString(attribute)
