"""Lists of what can be deleted and restored: the living ones, or those that `?deleted=true` asks for."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _


class Living(django_filters.FilterSet):
    """Base of filters on models with `deleted_at`; `created_after` and `created_before` come with it."""

    deleted = django_filters.BooleanFilter(
        method="by_deleted", label=_("true: only what was deleted and can be restored")
    )
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    def by_deleted(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        return rows.filter(deleted_at__isnull=not value)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows = super().filter_queryset(queryset)
        if self.form.cleaned_data.get("deleted") is None:
            rows = rows.filter(deleted_at=None)
        return rows
