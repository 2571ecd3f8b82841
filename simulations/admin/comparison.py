"""The page that shows two executions side by side."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from common.admin.fields import is_id
from common.admin.numbers import number, size
from common.admin.times import moment, span
from simulations.admin.formatting import execution_name, link, microseconds, status_label
from simulations.admin.plan_words import difference_rows, rosbag_names
from simulations.models import Execution
from simulations.services.progress.comparison import Comparison, Side, compare
from simulations.services.progress.histograms import BINS

PERCENTS = (50, 90, 99, 100)
PARAMETER = "execution"


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
        """Show two executions; for another number of them, say that two are needed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("Compare executions"),
            "opts": self.opts,
        }
        chosen = self._chosen(request)
        context["others"] = _others(chosen)
        if len(chosen) == 2:  # noqa: PLR2004
            context |= _context(compare(*chosen))
        return TemplateResponse(request, "simulations/console/comparison.html", context)

    def _chosen(self, request: HttpRequest) -> list[Execution]:
        texts = request.GET.getlist(PARAMETER)[:3]
        ids = [int(text) for text in texts if is_id(text)]
        rows = self.get_queryset(request).in_bulk(ids)
        return [rows[pk] for pk in dict.fromkeys(ids) if pk in rows]


def _others(chosen: list[Execution]) -> dict[str, Any] | None:
    """The other executions of its simulation, where one alone is chosen."""
    if len(chosen) != 1:
        return None
    [first] = chosen
    rows = Execution.objects.filter(simulation=first.simulation_id).exclude(pk=first.pk)
    newest = rows.order_by("-pk").defer("plan", "outcome")[:20]
    return {
        "first": first,
        "name": execution_name(first),
        "rows": [
            {"row": row, "label": status_label(row), "when": moment(row.created_at)}
            for row in newest
        ],
    }


def _context(comparison: Comparison) -> dict[str, Any]:
    sides = (comparison.left, comparison.right)
    bags = rosbag_names([side.plan for side in sides])
    return {
        "sides": [_head(side, comparison) for side in sides],
        "differences": difference_rows(comparison.differences, bags),
        "rows": _rows(*sides),
        "axis": microseconds(comparison.axis_us),
    }


def _head(side: Side, comparison: Comparison) -> dict[str, Any]:
    execution = side.execution
    highest = max([*comparison.left.bins, *comparison.right.bins]) or 1.0
    width = 100 / BINS
    return {
        "name": execution_name(execution),
        "link": link(execution, execution_name(execution)),
        "status": status_label(execution),
        "when": moment(execution.created_at),
        "measured": len(side.lateness_us),
        "bars": [
            {
                "left": round(index * width, 2),
                "width": round(width * 0.86, 2),
                "height": round(100 * share / highest, 1),
                "top": round(100 - 100 * share / highest, 1),
            }
            for index, share in enumerate(side.bins)
            if share
        ],
    }


Row = tuple[str, str, str, str]
Form = Callable[[float | None], str]


def _rows(left: Side, right: Side) -> list[Row]:
    rows: list[tuple[str, Form, str]] = [
        (_("Duration"), span, "seconds"),
        (_("Agents"), number, "agents"),
        (_("Messages"), number, "messages_published"),
        (_("Undelivered"), number, "messages_undelivered"),
        (_("More than 5 ms late"), number, "messages_late"),
        (_("Recordings"), number, "recordings"),
        (_("Start skew, worst"), microseconds, "start_skew_us_max"),
        (_("CPU time"), span, "cpu_seconds"),
        (_("Memory, highest"), size, "memory_peak_bytes"),
    ]
    result = [
        _row(name, form, left.figures.get(key), right.figures.get(key)) for name, form, key in rows
    ]
    result.insert(2, _row(_("Agents that completed"), number, left.completed, right.completed))
    for percent in PERCENTS:
        name = _("Lateness of %(percent)d %% of the agents, at most") % {"percent": percent}
        result.append(_row(name, microseconds, left.percentile(percent), right.percentile(percent)))
    return result


def _row(name: str, form: Form, left: float | None, right: float | None) -> Row:
    """Name, both values and the change from left to right in percent."""
    change = ""
    if left and right is not None and left != right:
        percent = 100 * (right - left) / left
        change = (
            f"{'+' if percent > 0 else '-'}{number(abs(percent), 1 if abs(percent) < 10 else 0)} %"  # noqa: PLR2004
        )
    return name, form(left), form(right), change
