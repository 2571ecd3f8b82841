"""The page that shows two executions side by side."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from common.admin.numbers import number
from common.admin.times import moment, span
from simulations.admin.formatting import execution_name, link, microseconds, status_label
from simulations.models import Execution
from simulations.services.progress.comparison import Side, side

MAX_DIGITS = 18
PERCENTS = (50, 90, 99, 100)


class ComparisonMixin:
    """The address `compare/?execution=1&execution=2` below executions; before `ModelAdmin`."""

    admin_site: Any
    opts: Any
    get_queryset: Any
    has_view_permission: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.compare_view)
        url = path("compare/", view, name="simulations_execution_compare")
        return [url, *super().get_urls()]  # type: ignore[misc]

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """Show two executions, or ask for two."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        executions = self._selected(request)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Compare executions"),
            "opts": self.opts,
        }
        if len(executions) == 2:  # noqa: PLR2004
            sides = [side(execution) for execution in executions]
            context |= {"sides": [_head(s) for s in sides], "rows": _rows(*sides)}
        return TemplateResponse(request, "simulations/console/comparison.html", context)

    def _selected(self, request: HttpRequest) -> list[Execution]:
        texts = request.GET.getlist("execution")[:3]
        ids = [int(text) for text in texts if text.isdecimal() and len(text) <= MAX_DIGITS]
        rows = self.get_queryset(request).in_bulk(ids)
        return [rows[pk] for pk in dict.fromkeys(ids) if pk in rows]


def _head(row: Side) -> dict[str, Any]:
    execution = row.execution
    return {
        "name": link(execution, execution_name(execution)),
        "status": status_label(execution),
        "when": moment(execution.created_at),
    }


def _rows(left: Side, right: Side) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, Any, str]] = [
        (_("Duration"), span, "seconds"),
        (_("Agents"), number, "agents"),
        (_("Agents that completed"), number, "completed"),
        (_("Messages"), number, "messages"),
        (_("Undelivered"), number, "undelivered"),
        (_("Recordings"), number, "recordings"),
        (_("Start skew, worst"), microseconds, "skew_us"),
    ]
    result = [
        (name, form(getattr(left, field)), form(getattr(right, field)))
        for name, form, field in rows
    ]
    for percent in PERCENTS:
        name = _("Lateness p99, %(percent)d %% of agents") % {"percent": percent}
        values = left.percentile(percent), right.percentile(percent)
        result.append((name, microseconds(values[0]), microseconds(values[1])))
    return result
