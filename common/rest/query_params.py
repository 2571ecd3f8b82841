"""Validation of the query parameters of lists: what is not understood is refused by name."""

from collections.abc import Iterator
from typing import Any

import django_filters
from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

BOOLEANS = frozenset({"true", "false"})
LIST_PARAMS = frozenset({"cursor", "page_size", "search", "ordering"})
NEVER_EMPTY = (
    django_filters.BooleanFilter,
    django_filters.ChoiceFilter,
    django_filters.IsoDateTimeFilter,
    django_filters.MultipleChoiceFilter,
    django_filters.NumberFilter,
)


def validate_query(request: Request, filterset: Any, view: Any) -> None:
    """Check the query parameters against the filters of a FilterSet class, or against none.

    Raises:
        ValidationError: an unknown name in a list; an empty, repeated or invalid value.
    """
    filters = filterset.base_filters if filterset is not None else {}
    errors = dict(query_errors(request, filters, strict=is_filtered_list(view)))
    if errors:
        raise ValidationError(errors)


def is_filtered_list(view: Any) -> bool:
    """Tell whether the view's filters are for the list it returns, not for finding one row."""
    action = getattr(view, "action", None)
    options = getattr(getattr(view, action or "", None), "kwargs", {})
    return action == "list" or "filterset_class" in options


def query_errors(
    request: Request, filters: dict[str, Any], *, strict: bool
) -> Iterator[tuple[str, list[ErrorDetail]]]:
    """Return errors by parameter; `strict` refuses unknown names."""
    for name, values in request.query_params.lists():
        if name in filters:
            message, code = value_error(filters[name], values)
        elif strict and name not in LIST_PARAMS:
            names = ", ".join(sorted({*filters, *LIST_PARAMS}))
            message, code = _("There is no such filter. Use one of: %s.") % names, "unknown_filter"
        else:
            continue
        if message:
            yield name, [ErrorDetail(message, code=code)]


def value_error(filter_: Any, values: list[str]) -> tuple[str, str]:
    """Return message and code of the error in the values of one filter, both empty for none."""
    if len(values) > 1 and not isinstance(filter_, django_filters.MultipleChoiceFilter):
        return _("Send it once."), "repeated"
    if "" in values and isinstance(filter_, NEVER_EMPTY):
        return _("Send a value, or leave it out."), "empty"
    if isinstance(filter_, django_filters.BooleanFilter) and values[0].lower() not in BOOLEANS:
        return _("Send true or false."), "wrong_type"
    return "", ""
