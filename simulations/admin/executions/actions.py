"""Actions on executions: stop, and run again."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from common.admin.actions import admin_url, run_action, show_links
from common.admin.rights import right
from simulations.admin import formatting
from simulations.models import Execution
from simulations.services.runs import lifecycle

Rows = QuerySet[Execution]


class ExecutionActionsMixin:
    """Mixin before `ModelAdmin`: the actions on executions."""

    has_stop_permission = right("stop")
    has_again_permission = right("again")

    @admin.action(description=_("Stop"), permissions=["stop"])
    def stop(self, request: HttpRequest, rows: Rows) -> None:
        run_action(
            self,
            request,
            rows,
            lambda row: lifecycle.stop(row, stopped_by=request.user),
            lambda n: ngettext("%d execution is stopping.", "%d executions are stopping.", n) % n,
        )

    @admin.action(description=_("Run again (same plan)"), permissions=["again"])
    def again(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        return self._start(request, rows, lifecycle.start_again)

    @admin.action(description=_("Run again (latest)"), permissions=["again"])
    def latest(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        def start(row: Execution, requested_by: Any) -> Execution:
            return lifecycle.start(row.simulation, requested_by=requested_by)

        return self._start(request, rows, start)

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
