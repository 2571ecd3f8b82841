"""Change lists: bounded counts, soft-deleted rows."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from common.admin.kept_lists import KeptListMixin
from common.admin.rights import RightsMixin

MAX_COUNT = 10_000
"""Rows that a list counts and pages through at most."""


class BoundedPaginator(Paginator[Any]):
    """Counts up to `MAX_COUNT` rows and no further: the exact count of a large table takes seconds.

    Filters and search find the rows beyond.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:MAX_COUNT].count())


class BoundedListMixin(KeptListMixin, RightsMixin):
    """A change list without exact counts; for the bases, before `ModelAdmin`."""

    show_full_result_count = False
    paginator: Any = BoundedPaginator
    show_facets: Any = admin.ShowFacets.NEVER  # they would be exact counts, one for each choice
    list_per_page = 50

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Refuse also values that are out of the range of their column, as the database finds out.

        Raises:
            IncorrectLookupParameters: The query of the address asks for what cannot be.
        """
        try:
            return super().get_changelist_instance(request)  # type: ignore[misc]
        except (OverflowError, ValueError, DataError) as error:
            if not request.GET:
                raise
            raise IncorrectLookupParameters from error


class DeletedFilter(admin.SimpleListFilter):
    """Lists soft-deleted rows instead of the others."""

    title = _("deleted rows")
    parameter_name = "deleted"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Deleted, can be restored"))]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(deleted_at__isnull=self.value() != "yes")

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Name the default for what it is: Django says "All"."""
        first, *others = super().choices(changelist)
        yield {**first, "display": _("Not deleted")}
        yield from others


def lists_deleted_rows(request: HttpRequest) -> bool:
    """Tell whether the request lists soft-deleted rows."""
    return request.GET.get(DeletedFilter.parameter_name) == "yes"


def is_changelist(request: HttpRequest) -> bool:
    """Tell whether the request is for a change list, not for the page of one row."""
    match = request.resolver_match
    return match is not None and str(match.url_name).endswith("_changelist")


def is_autocomplete(request: HttpRequest) -> bool:
    """Tell whether the request is for the choices of an autocomplete field."""
    match = request.resolver_match
    return match is not None and match.url_name == "autocomplete"
