"""Lists that may be long, rows that only the system writes, and rows that are hidden."""

from functools import cached_property
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

MOST = 10_000


class BoundedPaginator(Paginator[Any]):
    """Counts up to `MOST` rows and no further: the exact count of a large table takes seconds.

    Rows beyond are found by filters and search.
    """

    @cached_property
    def count(self) -> int:
        """How many rows there are, at most `MOST`."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST].count())


class ReadOnly:
    """Before `ModelAdmin` or an inline in the bases: rows that nobody writes here."""

    show_full_result_count = False
    paginator: Any = BoundedPaginator
    show_facets: Any = admin.ShowFacets.NEVER  # they are exact counts, one for each choice
    list_per_page = 50

    def has_add_permission(self, *_args: Any) -> bool:
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        return False


class DeletedFilter(admin.SimpleListFilter):
    """Those that can be restored, instead of the living ones."""

    title = _("deletion")
    parameter_name = "deleted"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Deleted, can be restored"))]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(deleted_at__isnull=self.value() != "yes")


def deleted_are_listed(request: HttpRequest) -> bool:
    """Whether this is a list of deleted rows."""
    return request.GET.get(DeletedFilter.parameter_name) == "yes"


def is_list(request: HttpRequest) -> bool:
    """Whether this request is for a list, and not for the page of one row."""
    match = request.resolver_match
    return match is not None and str(match.url_name).endswith("_changelist")


def is_autocomplete(request: HttpRequest) -> bool:
    """Whether this request is for choices of a field."""
    match = request.resolver_match
    return match is not None and match.url_name == "autocomplete"
