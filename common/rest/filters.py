"""Filters that the lists of all apps share: by id, and of what can be deleted and restored."""

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
from common.rest.filter_checks import refuse_odd

LARGEST_ID = 2**63 - 1
MOST_TERMS = 20
"""Words of a search: each is looked for in each field of each row, and hundreds are more than SQL takes."""
ALONE = frozenset({"id", "sequence"})
"""Orders in which no two rows of a list are alike."""


class IdFilter(django_filters.NumberFilter):
    """Rows that belong to one other row, by its id; only what the database can hold."""

    field_class: Any = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"min_value": 1, "max_value": LARGEST_ID, **kwargs})

    def get_max_validator(self) -> None:
        """Add none: the field has one."""


class InstantField(IsoDateTimeField):
    """An instant in UTC: a database knows fewer offsets than ISO 8601."""

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        try:
            return found.astimezone(UTC) if found else found
        except OverflowError as error:
            message = gettext("Send a time between the years 1 and 9999.")
            raise forms.ValidationError(message, code="overflow") from error


class InstantFilter(django_filters.IsoDateTimeFilter):
    """Compares with an instant."""

    field_class: Any = InstantField


class PersonFilter(django_filters.CharFilter):
    """Rows of one user, by the e-mail address; `field_name` ends with `__email`.

    The user is found first: joined, the database would walk all rows for a user of few.
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


class Living(django_filters.FilterSet):
    """Base of filters on models with `deleted_at`; `created_after` and `created_before` come with it."""

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
    """The rows of a list that no filter was asked of; where rows can be deleted, the living."""
    living = filterset is not None and issubclass(filterset, Living)
    return rows.filter(LIVING) if living else rows


class Filters(DjangoFilterBackend):
    """Filters; a request that asks for none does not pay for their form, a sixth of the work of a list."""

    def filter_queryset(self, request: Any, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        kind = self.get_filterset_class(view, queryset)
        refuse_odd(request, kind, view)
        if kind is None or any(name in request.query_params for name in kind.base_filters):
            found: QuerySet[Any] = super().filter_queryset(request, queryset, view)
            return found
        return unfiltered(kind, queryset)


class Search(SearchFilter):
    """Searches for all of a few words."""

    def get_search_terms(self, request: Request) -> list[str]:
        """As in the base. Raises ValidationError: there are too many words."""
        terms: list[str] = super().get_search_terms(request)
        if len(terms) > MOST_TERMS:
            message = gettext("Search for at most %(most)d words.")
            raise ValidationError({"search": [message % {"most": MOST_TERMS}]})
        return terms


class Ordering(OrderingFilter):
    """Orders by one field of the view's `ordering_fields`; any other is refused by name."""

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        """The ordering that is asked for, else the view's.

        Raises:
            ValidationError: there is no such field to order by.
        """
        asked = request.query_params.get(self.ordering_param)
        known = getattr(view, "ordering_fields", None) or []
        if asked is not None and asked.removeprefix("-") not in known:
            message = gettext("Order by one of these, with - for the other way: %(known)s.")
            raise ValidationError({"ordering": [message % {"known": ", ".join(known)}]})
        found = super().get_ordering(request, queryset, view)
        if not found or found[-1].removeprefix("-") in ALONE:
            return found
        # Rows that are alike need an order too, or pages would repeat some and leave others out.
        return [*found, "-id"]
