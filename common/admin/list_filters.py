"""Filters of lists: what they filter, and which are active."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import FieldListFilter
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.db.models import ForeignKey
from django.utils.text import capfirst
from django.utils.translation import gettext as _


def titled(path: str, title: Any) -> tuple[str, Any]:
    """Return an item of `list_filter` whose title is not the name of the last field of the path."""

    class TitledFilter(FieldListFilter):
        def __new__(cls, field: Any, *args: Any, **kwargs: Any) -> Any:
            spec = FieldListFilter.create(field, *args, **kwargs)
            spec.title = title
            return spec

    return path, TitledFilter


def filters_of(changelist: ChangeList) -> list[dict[str, Any]]:
    """Return title and choices of each filter of a list, and its choice where one is active."""
    return [_filter(changelist, spec) for spec in changelist.filter_specs]


def _filter(changelist: ChangeList, spec: Any) -> dict[str, Any]:
    choices = list(spec.choices(changelist))
    selected = next((choice for choice in choices[1:] if choice["selected"]), None)
    return {
        "title": capfirst(str(spec.title)),
        "choices": choices,
        "active": selected,
        "remove": choices[0]["query_string"] if choices else "",
    }


def active_filters(changelist: ChangeList) -> list[dict[str, Any]]:
    """Return text and removing query of all that narrows a list: filters, related rows, search."""
    chips = [
        {"title": item["title"], "text": item["active"]["display"], "remove": _page_one(item)}
        for item in filters_of(changelist)
        if item["active"]
    ]
    chips += list(_related(changelist))
    if changelist.query:
        remove = changelist.get_query_string({PAGE_VAR: 1, SEARCH_VAR: None})
        chips.append({"title": _("Search"), "text": changelist.query, "remove": remove})
    return chips


def _page_one(item: dict[str, Any]) -> str:
    """Return the query without a filter; never empty, which would open the kept filters again."""
    query = str(item["remove"])
    return query if query != "?" else f"?{PAGE_VAR}=1"


def _related(changelist: ChangeList) -> Iterator[dict[str, Any]]:
    """Yield the rows by which a link to the list has filtered it, such as `rosbag__id__exact=7`."""
    used = {name for spec in changelist.filter_specs for name in spec.expected_parameters()}
    for name, values in changelist.filter_params.items():
        path, _double, rest = name.partition("__")
        if name in used or rest not in {"id__exact", "exact", "pk__exact"}:
            continue
        try:
            field = get_fields_from_path(changelist.model, path)[-1]
        except FieldDoesNotExist:
            continue
        row = _row(field, values[-1])
        remove = changelist.get_query_string({PAGE_VAR: 1, name: None})
        yield {"title": capfirst(str(field.verbose_name)), "text": row, "remove": remove}


def _row(field: Any, value: Any) -> str:
    if not isinstance(field, ForeignKey) or not str(value).isdecimal():
        return str(value)
    row = field.related_model._base_manager.filter(pk=value).first()  # noqa: SLF001
    return str(row or value)


def filters_query(changelist: ChangeList) -> str:
    """Return the active filters and the search as a query string, to keep them."""
    search = [(SEARCH_VAR, changelist.query)] if changelist.query else []
    filters = changelist.get_filters_params()
    pairs = [(name, value) for name, values in filters.items() for value in values]
    return urlencode([*pairs, *search])


def clear_query(changelist: ChangeList) -> str:
    """Return the query of the list without filters; it opens page 1, so that kept ones stay out."""
    kept = {IS_POPUP_VAR, TO_FIELD_VAR, ORDER_VAR}
    removed = dict.fromkeys(set(changelist.filter_params) - kept)
    return changelist.get_query_string({**removed, PAGE_VAR: 1})
