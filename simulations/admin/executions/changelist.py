"""The list of executions: progress of all rows by one call of Redis, without rows of agents."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from common.admin.times import between, moment
from simulations.admin import formatting
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
    """Mixin before `ModelAdmin`: the columns of the list."""

    @admin.display(description=_("execution"), ordering="simulation__name")
    def execution_link(self, row: Execution) -> str:
        return formatting.execution_link(row)

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
