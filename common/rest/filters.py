"""Filters, search and ordering of lists."""

from datetime import UTC
from typing import Any

import django_filters
from django import forms
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request

from common.db.soft_delete import LIVING
from common.rest.query_params import validate_query

MAX_ID = 2**63 - 1
MAX_SEARCH_TERMS = 20
"""Each is compared with each field of each row, and hundreds exceed the limits of SQL."""
UNIQUE_ORDERINGS = frozenset({"id", "sequence"})
"""Fields without equal values in one list."""


class IdFilter(django_filters.NumberFilter):
    """Rows that refer to one other row, by its id; ids that no database can hold are refused."""

    field_class: Any = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"min_value": 1, "max_value": MAX_ID, **kwargs})

    def get_max_validator(self) -> None:
        """Return none: the field has one."""


class InstantField(IsoDateTimeField):
    """A time, converted to UTC: databases know fewer offsets than ISO 8601."""

    def clean(self, value: Any) -> Any:
        time = super().clean(value)
        try:
            return time.astimezone(UTC) if time else time
        except OverflowError as error:
            message = gettext("Send a time between the years 1 and 9999.")
            raise forms.ValidationError(message, code="overflow") from error


class InstantFilter(django_filters.IsoDateTimeFilter):
    """Compares with a time."""

    field_class: Any = InstantField


class UserEmailFilter(django_filters.CharFilter):
    """Rows of one user, by the e-mail address; `field_name` ends with `__email`.

    The user is read first: with a join the database would scan all rows for a user with few.
    """

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if not value:
            return qs
        user = get_user_model().objects.filter(email=value).values_list("pk", flat=True).first()
        return (
            qs.none()
            if user is None
            else qs.filter(**{str(self.field_name)[: -len("__email")]: user})
        )


class SoftDeleteFilterSet(django_filters.FilterSet):
    """Base of filter sets of models with `deleted_at` and `created_at`."""

    deleted = django_filters.BooleanFilter(
        method="by_deleted", label=_("true: only what was deleted and can be restored")
    )
    created_after = InstantFilter(field_name="created_at", lookup_expr="gte")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")

    def by_deleted(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        return rows.filter(deleted_at__isnull=not value)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows = super().filter_queryset(queryset)
        if self.form.cleaned_data.get("deleted") is None:
            rows = rows.filter(LIVING)
        return rows


def unfiltered(filterset: type[Any] | None, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows of a list without filter parameters: soft-deleted ones are left out."""
    if filterset is not None and issubclass(filterset, SoftDeleteFilterSet):
        return rows.filter(LIVING)
    return rows


class FilterBackend(DjangoFilterBackend):
    """Applies filters; without any it skips the filter form, a sixth of the time of a list."""

    def filter_queryset(self, request: Any, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset = self.get_filterset_class(view, queryset)
        validate_query(request, filterset, view)
        names = filterset.base_filters if filterset is not None else ()
        if not any(name in request.query_params for name in names):
            return unfiltered(filterset, queryset)
        rows: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return rows


class SearchBackend(SearchFilter):
    """Finds rows with all of the words, up to a limit."""

    def get_search_terms(self, request: Request) -> list[str]:
        """Return the words.

        Raises:
            ValidationError: there are too many.
        """
        terms: list[str] = super().get_search_terms(request)
        if len(terms) > MAX_SEARCH_TERMS:
            message = gettext("Search for at most %(max)d words.") % {"max": MAX_SEARCH_TERMS}
            raise ValidationError({"search": [message]})
        return terms


class OrderingBackend(OrderingFilter):
    """Orders by one of the view's `ordering_fields`, and by id where values are equal."""

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        """Return the requested ordering, else the view's default.

        Raises:
            ValidationError: the list cannot be ordered by this field.
        """
        requested = request.query_params.get(self.ordering_param)
        fields = getattr(view, "ordering_fields", None) or []
        if requested is not None and requested.removeprefix("-") not in fields:
            message = gettext("Order by one of these, with a leading - to reverse: %(fields)s.")
            raise ValidationError({"ordering": [message % {"fields": ", ".join(fields)}]})
        ordering = super().get_ordering(request, queryset, view)
        if not ordering or ordering[-1].removeprefix("-") in UNIQUE_ORDERINGS:
            return ordering
        # Without an order among equal values pages would repeat some rows and leave others out.
        return [*ordering, "-id"]
