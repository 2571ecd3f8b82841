"""Columns and filters of lists as a person keeps them, and what lists say about themselves.

They are read from the `preferences` of the user; forms of lists write them, by `accounts.admin.preferences`.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib.admin.utils import label_for_field
from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from common.admin.columns import column_name, shown

MAX_ROWS = 1000
"""Rows that an action takes at most."""
NextStep = tuple[str, Any]
"""URL and text of a link."""


def kept(request: HttpRequest, label: str) -> dict[str, Any]:
    """Return what the person of a request keeps for the list of a model."""
    lists = (getattr(request.user, "preferences", None) or {}).get("lists")
    parts = lists.get(label) if isinstance(lists, dict) else None
    return parts if isinstance(parts, dict) else {}


class KeptListMixin:
    """Show the columns and filters that the person has chosen; for the bases, before `ModelAdmin`."""

    more_columns: Iterable[Any] = ()
    """Columns that are shown only to those who choose them."""
    empty_text: Any = _("There is nothing here yet.")
    opts: Any
    model: Any
    admin_site: Any
    get_list_filter: Any
    has_add_permission: Any
    lookup_allowed: Any

    def next_steps(self, request: HttpRequest) -> list[NextStep]:
        """Return links that an empty list offers: what to do, where the person may."""
        if not self.has_add_permission(request):
            return []
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_add")
        return [(url, _("Add the first one"))]

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns that the person has chosen; the first, which links to the row, always."""
        default = list(super().get_list_display(request))  # type: ignore[misc]
        available = {column_name(column): column for column in [*default, *self.more_columns]}
        names = kept(request, self.opts.label_lower).get("columns", [])
        chosen = [available[name] for name in names if name in available and name != default[0]]
        return [default[0], *(shown(self.model, column) for column in chosen or default[1:])]

    def column_choices(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the columns that may be chosen, with whether they are shown."""
        page: Any = self
        names = {column_name(column) for column in self.get_list_display(request)}
        default = super().get_list_display(request)  # type: ignore[misc]
        return [
            {
                "name": column_name(column),
                "text": capfirst(str(label_for_field(column, self.model, page))),
                "shown": column_name(column) in names,
            }
            for column in [*default[1:], *self.more_columns]
        ]

    def kept_filters(self, request: HttpRequest) -> str:
        """Return the kept filters as a query string, without those that the list no longer has."""
        stored = kept(request, self.opts.label_lower).get("filters", "")
        own = {getattr(item, "parameter_name", None) for item in self.get_list_filter(request)}
        pairs = parse_qsl(stored) if isinstance(stored, str) else []
        return urlencode(
            [
                (name, value)
                for name, value in pairs
                if name == SEARCH_VAR or name in own or self.lookup_allowed(name, value, request)
            ]
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Open the list with the kept filters, unless the address has others."""
        filters = self.kept_filters(request)
        if filters and request.method == "GET" and not request.GET:
            return HttpResponseRedirect(f"{request.path}?{filters}")
        context = {
            "title": capfirst(str(self.opts.verbose_name_plural)),
            "kept_filters": filters,
            "kept_list": kept(request, self.opts.label_lower),
            "column_choices": self.column_choices(request),
            "empty_text": self.empty_text,
            "next_steps": self.next_steps(request),
            "max_action_rows": MAX_ROWS,
            **(extra_context or {}),
        }
        response: HttpResponse = super().changelist_view(request, context)  # type: ignore[misc]
        return response
