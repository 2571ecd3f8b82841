"""The console's pages of executions: read-only, with buttons to stop and run again."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from common.admin.actions import ObjectActionsMixin, admin_url, run_action, show_links
from common.admin.changelists import BoundedListMixin
from common.admin.rights import right, user_text
from simulations.admin import formatting
from simulations.admin.execution_page import sections
from simulations.admin.filters import (
    ActiveFilter,
    ExecutionSearchMixin,
    FailureFilter,
    SimulationIdFilter,
)
from simulations.choices import ACTIVE, ENDED, STOPPABLE
from simulations.models import Execution
from simulations.services.progress.bulk import percent_by_id
from simulations.services.progress.progress import progress_of
from simulations.services.runs import lifecycle

Rows = QuerySet[Execution]


class ExecutionList(ChangeList):
    """A page of executions with their progress, read by one call of Redis instead of agent runs."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Rows:
        rows: Rows = super().get_queryset(request, *args, **kwargs)
        # Plan and outcome may be long, and only one number is shown.
        return rows.defer("plan", "outcome").annotate(final_percent=F("outcome__progress__overall"))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        percents = percent_by_id(self.result_list)
        for execution in self.result_list:
            execution.percent = percents.get(execution.pk, execution.final_percent)


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
    def again(self, request: HttpRequest, rows: Rows) -> None:
        self._start(request, rows, lifecycle.start_again)

    @admin.action(description=_("Run again (latest)"), permissions=["again"])
    def latest(self, request: HttpRequest, rows: Rows) -> None:
        def start(row: Execution, requested_by: Any) -> Execution:
            return lifecycle.start(row.simulation, requested_by=requested_by)

        self._start(request, rows, start)

    def _start(self, request: HttpRequest, rows: Rows, start: Any) -> None:
        executions = run_action(
            self,
            request,
            rows.select_related("simulation"),
            lambda row: start(row, requested_by=request.user),
            lambda n: ngettext("%d execution was started.", "%d executions were started.", n) % n,
        )
        show_links(
            self, request, [(admin_url(row), formatting.execution_name(row)) for row in executions]
        )


@admin.register(Execution)
class ExecutionAdmin(
    ExecutionActionsMixin,
    ObjectActionsMixin,
    ExecutionSearchMixin,
    BoundedListMixin,
    admin.ModelAdmin[Execution],
):
    """Executions with their progress, result and failure."""

    change_form_template: ClassVar[Any] = "simulations/console/execution.html"
    list_display = [
        "id",
        "execution_link",
        "status_label",
        "progress_bar",
        "data_status_label",
        "failure_summary",
        "requested",
        "duration",
        "requested_by",
    ]
    list_filter = [
        SimulationIdFilter,
        ActiveFilter,
        "status",
        "data_status",
        FailureFilter,
        "created_at",
        "ended_at",
    ]
    list_select_related = ["simulation", "requested_by"]
    ordering = ["-id"]
    actions = ["stop", "again", "latest"]
    fields = [
        "simulation_link",
        ("status_label", "progress_bar"),
        "data_status_label",
        "failure_details",
        "warning_list",
        (user_text("requested_by", _("requested by")), "stopper"),
        "same_plan_as",
        ("requested", "started", "stop_requested", "ended"),
        ("duration", "expected_end"),
    ]

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return ExecutionList

    def get_queryset(self, request: HttpRequest) -> Rows:
        rows: Rows = super().get_queryset(request)
        return rows.select_related("simulation", "requested_by")

    def object_actions(self, row: Execution) -> list[str]:
        if row.status in ENDED:
            return ["again", "latest"]
        return ["stop"] if row.status in STOPPABLE else []

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Load an execution with its progress, which several fields show."""
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None:
            row.live_progress = progress_of(row)
            row.percent = row.live_progress.overall
        return row

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row: Any = context["original"]
        return super().render_change_form(
            request, {**context, **sections(row, row.live_progress)}, *args, **kwargs
        )

    @admin.display(description=_("execution"), ordering="simulation__name")
    def execution_link(self, row: Execution) -> str:
        return formatting.execution_link(row)

    @admin.display(description=_("simulation"))
    def simulation_link(self, row: Execution) -> str:
        return formatting.link(row.simulation)

    @admin.display(description=_("status"), ordering="status")
    def status_label(self, row: Execution) -> str:
        return formatting.status_label(row)

    @admin.display(description=_("data status"), ordering="data_status")
    def data_status_label(self, row: Execution) -> str:
        return formatting.status_label(row, "data_status")

    @admin.display(description=_("progress"))
    def progress_bar(self, row: Any) -> str:
        return formatting.progress_bar(row.percent)

    @admin.display(description=_("failure"), ordering="failure_code")
    def failure_summary(self, row: Execution) -> str:
        return formatting.failure_summary(row)

    @admin.display(description=_("failure"))
    def failure_details(self, row: Execution) -> str:
        return formatting.failure_details(row)

    @admin.display(description=_("warnings"))
    def warning_list(self, row: Execution) -> str:
        return formatting.warning_list(row)

    @admin.display(description=_("stopped by"))
    def stopper(self, row: Execution) -> str:
        return formatting.stopper(row)

    @admin.display(description=_("same plan as"))
    def same_plan_as(self, row: Execution) -> str:
        if row.again_of_id is None:
            return formatting.NOTHING
        return formatting.link(Execution(pk=row.again_of_id), f"{row.again_of_id}")

    @admin.display(description=_("requested at"), ordering="id")
    def requested(self, row: Execution) -> str:
        return formatting.timestamp(row.created_at)

    @admin.display(description=_("started at"))
    def started(self, row: Execution) -> str:
        return formatting.timestamp(row.started_at)

    @admin.display(description=_("stop requested at"))
    def stop_requested(self, row: Execution) -> str:
        return formatting.timestamp(row.stop_asked_at)

    @admin.display(description=_("ended at"))
    def ended(self, row: Execution) -> str:
        return formatting.timestamp(row.ended_at)

    @admin.display(description=_("duration"))
    def duration(self, row: Execution) -> str:
        return formatting.duration(row.created_at, row.ended_at)

    @admin.display(description=_("expected end"))
    def expected_end(self, row: Any) -> str:
        return formatting.timestamp(row.live_progress.expected_end) if row.status in ACTIVE else "-"
