"""Actions on simulations in the console; each calls the same service as the API."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from common.admin.actions import admin_url, run_action, show_links
from common.admin.changelists import is_changelist
from common.admin.confirmation import (
    Question,
    Refusals,
    asks_in_list,
    confirm,
    is_confirmed,
    reason_text,
)
from common.admin.rights import right
from simulations.admin.designs.preview import is_running
from simulations.admin.formatting import execution_name
from simulations.choices import STOPPABLE
from simulations.exceptions import NotRunningError
from simulations.models import Execution, Simulation
from simulations.services.designs import simulations
from simulations.services.maintenance import deletion
from simulations.services.runs import lifecycle
from simulations.services.start_checks import start_errors

Rows = QuerySet[Simulation]
START_EFFECT = _("Each is started once, with its design as it is stored now.")
STOP_EFFECT = _(
    "All their executions end early: agents stop at once. What was recorded until then is kept."
)
PURGE_EFFECT = _(
    "They are removed with their executions, events, logs and recordings, except recordings that a "
    "template plays. This cannot be undone."
)
ALREADY_RUNNING = _("The simulation is running: wait for its end or stop it.")
NOTHING_TO_STOP = _("There is nothing to stop: none of its executions can be stopped.")


class SimulationActionsMixin:
    """Mixin before `ModelAdmin`: the actions on simulations."""

    opts: Any
    admin_site: Any

    has_start_permission = right("start")
    has_stop_permission = right("stop")
    has_clone_permission = right("clone")
    has_restore_permission = right("restore")
    has_purge_permission = right("purge")

    @admin.action(description=_("Start"), permissions=["start"])
    def start(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        if asks_in_list(request):
            return confirm(
                self,
                request,
                rows.select_related("mec", "latest_execution"),
                Question(action="start", effect=START_EFFECT, refusals=_start_refusals, tone="go"),
            )
        results = run_action(
            self,
            request,
            rows,
            lambda row: lifecycle.start(row, requested_by=request.user),
            lambda n: ngettext("%d simulation was started.", "%d simulations were started.", n) % n,
        )
        if results and not is_changelist(request):
            return HttpResponseRedirect(admin_url(results[0]))
        show_links(self, request, [(admin_url(row), execution_name(row)) for row in results])
        return None

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
            lambda row: _stop(row, request.user),
            lambda n: ngettext("%d simulation is stopping.", "%d simulations are stopping.", n) % n,
        )
        return None

    @admin.action(description=_("Duplicate"), permissions=["clone"])
    def clone(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        results = run_action(
            self,
            request,
            rows,
            lambda row: simulations.clone(row, created_by=request.user),
            lambda n: (
                ngettext("%d simulation was duplicated.", "%d simulations were duplicated.", n) % n
            ),
        )
        if results and not is_changelist(request):
            return HttpResponseRedirect(admin_url(results[0]))
        show_links(self, request, [(admin_url(row), row.name) for row in results])
        return None

    @admin.action(description=_("Restore"), permissions=["restore"])
    def restore(self, request: HttpRequest, rows: Rows) -> None:
        run_action(
            self,
            request,
            rows,
            deletion.restore,
            lambda n: (
                ngettext("%d simulation was restored.", "%d simulations were restored.", n) % n
            ),
        )

    @admin.action(description=_("Delete permanently"), permissions=["purge"])
    def purge(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        if not is_confirmed(request):
            return confirm(
                self,
                request,
                rows,
                Question(action="purge", effect=PURGE_EFFECT, refusals=self.deletion_refusals),
            )
        results = run_action(
            self,
            request,
            rows,
            lambda row: _delete(row, request.user, permanent=True),
            lambda n: (
                ngettext("%d simulation is being deleted.", "%d simulations are being deleted.", n)
                % n
            ),
        )
        show_links(
            self, request, [(admin_url(row), str(_("Deletion of %s")) % row) for row in results]
        )
        return None

    def delete_row(self, request: HttpRequest, row: Simulation) -> None:
        """Delete one so that it can be restored."""
        _delete(row, request.user, permanent=False)

    def deleted_message(self, count: int) -> str:
        return ngettext("%d simulation was deleted.", "%d simulations were deleted.", count) % count

    def deletion_refusals(self, rows: list[Any]) -> Refusals:
        active = Execution.objects.active().filter(simulation__in=[row.pk for row in rows])
        message = str(_("It is running: stop its execution first, then delete it."))
        return dict.fromkeys(active.values_list("simulation", flat=True), message)


def _start_refusals(rows: list[Any]) -> Refusals:
    reasons = {}
    for row in rows:
        if errors := start_errors(row):
            reasons[row.pk] = reason_text(errors)
        elif is_running(row):
            reasons[row.pk] = str(ALREADY_RUNNING)
    return reasons


def _stop_refusals(rows: list[Any]) -> Refusals:
    running = Execution.objects.filter(simulation__in=rows, status__in=sorted(STOPPABLE))
    reason = str(NOTHING_TO_STOP)
    stoppable = set(running.values_list("simulation", flat=True))
    return {row.pk: reason for row in rows if row.pk not in stoppable}


def _stop(simulation: Simulation, user: Any) -> None:
    """Stop all active executions of a simulation.

    Raises:
        NotRunningError: there is none.
    """
    running = Execution.objects.filter(simulation=simulation, status__in=sorted(STOPPABLE))
    executions = list(running.defer("plan", "outcome"))
    if not executions:
        raise NotRunningError(str(NOTHING_TO_STOP))
    for execution in executions:
        lifecycle.stop(execution, stopped_by=user)


def _delete(simulation: Simulation, user: Any, *, permanent: bool) -> Any:
    return deletion.request(simulation, permanent=permanent, requested_by=user)
