"""Actions on executions: stop, and run again."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from common.admin.actions import admin_url, run_action, show_links
from common.admin.confirmation import Question, Refusals, asks_in_list, confirm, reason_text
from common.admin.rights import right
from simulations.admin import formatting
from simulations.choices import STOPPABLE
from simulations.models import Execution
from simulations.services.runs import lifecycle
from simulations.services.runs.repeats import preview

Rows = QuerySet[Execution]
STOP_EFFECT = _("They end early: agents stop at once. What was recorded until then is kept.")
AGAIN_EFFECT = _("A new execution is started for each, with the same frozen plan.")
LATEST_EFFECT = _(
    "A new execution is started for each, with the design of its simulation as it is stored now."
)


class ExecutionActionsMixin:
    """Mixin before `ModelAdmin`: the actions on executions."""

    has_stop_permission = right("stop")
    has_again_permission = right("again")

    @admin.action(description=_("Stop"), permissions=["stop"])
    def stop(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        if asks_in_list(request):
            return confirm(
                self,
                request,
                rows,
                Question(action="stop", effect=STOP_EFFECT, refusals=_stop_refusals),
            )
        run_action(
            self,
            request,
            rows,
            lambda row: lifecycle.stop(row, stopped_by=request.user),
            lambda n: ngettext("%d execution is stopping.", "%d executions are stopping.", n) % n,
        )
        return None

    @admin.action(description=_("Run again (same plan)"), permissions=["again"])
    def again(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        if asks_in_list(request):
            return self._ask(request, rows, "again", AGAIN_EFFECT, "same_errors")
        return self._start(request, rows, lifecycle.start_again)

    @admin.action(description=_("Run again (latest)"), permissions=["again"])
    def latest(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        if asks_in_list(request):
            return self._ask(request, rows, "latest", LATEST_EFFECT, "latest_errors")

        def start(row: Execution, requested_by: Any) -> Execution:
            return lifecycle.start(row.simulation, requested_by=requested_by)

        return self._start(request, rows, start)

    def _ask(
        self, request: HttpRequest, rows: Rows, action: str, effect: Any, errors: str
    ) -> HttpResponse | None:
        """Ask first; `errors` is the field of `Repeats` that says why a start would be refused."""

        def refusals(rows: list[Any]) -> Refusals:
            found = {row.pk: getattr(preview(row), errors) for row in rows}
            return {pk: reason_text(reasons) for pk, reasons in found.items() if reasons}

        rows = rows.select_related("simulation__mec")
        return confirm(
            self,
            request,
            rows,
            Question(action=action, effect=effect, refusals=refusals, tone="go"),
        )

    def _start(self, request: HttpRequest, rows: Rows, start: Any) -> HttpResponse | None:
        """Start an execution for each row; the page of a single one follows, to watch it."""
        executions = run_action(
            self,
            request,
            rows.select_related("simulation"),
            lambda row: start(row, requested_by=request.user),
            lambda n: ngettext("%d execution was started.", "%d executions were started.", n) % n,
        )
        if len(executions) == 1:
            return HttpResponseRedirect(admin_url(executions[0]))
        show_links(
            self, request, [(admin_url(row), formatting.execution_name(row)) for row in executions]
        )
        return None


def _stop_refusals(rows: list[Any]) -> Refusals:
    text = str(_("There is nothing to stop: the execution is %(status)s."))
    return {
        row.pk: text % {"status": row.get_status_display()}
        for row in rows
        if row.status not in STOPPABLE
    }
