"""The list of executions: progress of all rows by one call of Redis, without rows of agents."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from common.admin.kept_lists import NextStep
from common.admin.list_filters import titled
from common.admin.rights import user_text
from common.admin.times import between, moment
from simulations.admin import formatting
from simulations.admin.filters import ActiveFilter, FailureFilter, SimulationIdFilter
from simulations.models import Execution
from simulations.services.progress.bulk import percent_by_id

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


class ExecutionColumnsMixin:
    """Mixin before `ModelAdmin`: columns and filters of the list."""

    list_display: Any = [
        "execution",
        "status_label",
        "progress_bar",
        "data_status_label",
        "failure_summary",
        "requested",
        "duration",
    ]
    more_columns: Any = [
        "id",
        user_text("requested_by", _("requested by")),
        "started_at",
        "ended_at",
    ]
    list_filter: Any = [
        SimulationIdFilter,
        ActiveFilter,
        "status",
        "data_status",
        FailureFilter,
        titled("created_at", _("requested at")),
        titled("ended_at", _("ended at")),
    ]
    list_select_related: Any = ["simulation", "requested_by"]
    ordering: Any = ["-id"]
    empty_text = _("Nothing has run yet. An execution begins when a simulation is started.")

    def next_steps(self, _request: HttpRequest) -> list[NextStep]:
        """Lead from an empty list to what can be started."""
        return [(reverse("admin:simulations_simulation_changelist"), _("Choose a simulation"))]

    @admin.display(description=_("execution"), ordering="simulation__name")
    def execution(self, row: Execution) -> str:
        return formatting.execution_name(row)

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

    @admin.display(description=_("requested at"), ordering="id")
    def requested(self, row: Execution) -> str:
        return moment(row.created_at)

    @admin.display(description=_("duration"))
    def duration(self, row: Execution) -> str:
        return between(row.created_at, row.ended_at)
