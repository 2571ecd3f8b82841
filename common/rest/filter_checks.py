"""How lists are asked: a filter that is not understood is refused by name."""

from collections.abc import Iterator
from typing import Any

import django_filters
from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

BOOLEANS = frozenset({"true", "false"})
PAGING = frozenset({"cursor", "page_size", "search", "ordering"})
NEVER_EMPTY = (
    django_filters.BooleanFilter,
    django_filters.ChoiceFilter,
    django_filters.IsoDateTimeFilter,
    django_filters.MultipleChoiceFilter,
    django_filters.NumberFilter,
)


def refuse_odd(request: Request, kind: Any, view: Any) -> None:
    """Look at the query for the filters of a FilterSet class, or of none.

    Raises:
        ValidationError: an unknown name in a list, an empty, repeated or odd value.
    """
    known = kind.base_filters if kind is not None else {}
    wrong = dict(faults(request, known, strict=is_list(view)))
    if wrong:
        raise ValidationError(wrong)


def is_list(view: Any) -> bool:
    """Whether the filters are those of the list that is asked for, not of the way to one row."""
    action = getattr(view, "action", None)
    extra = getattr(getattr(view, action or "", None), "kwargs", {})
    return action == "list" or "filterset_class" in extra


def faults(
    request: Request, filters: dict[str, Any], *, strict: bool
) -> Iterator[tuple[str, list[ErrorDetail]]]:
    """What is wrong with the query, by name; `strict` refuses unknown names."""
    for name, values in request.query_params.lists():
        if name in filters:
            sentence, code = fault(filters[name], values)
        elif strict and name not in PAGING:
            known = ", ".join(sorted({*filters, *PAGING}))
            sentence, code = _("There is no such filter. There are: %s.") % known, "unknown_filter"
        else:
            continue
        if sentence:
            yield name, [ErrorDetail(sentence, code=code)]


def fault(asked: Any, values: list[str]) -> tuple[str, str]:
    """What is wrong with the values of one filter, and its code; empty: nothing."""
    if len(values) > 1 and not isinstance(asked, django_filters.MultipleChoiceFilter):
        return _("Send it once."), "repeated"
    if "" in values and isinstance(asked, NEVER_EMPTY):
        return _("Send a value, or leave it out."), "empty"
    if isinstance(asked, django_filters.BooleanFilter) and values[0].lower() not in BOOLEANS:
        return _("Send true or false."), "wrong_type"
    return "", ""
