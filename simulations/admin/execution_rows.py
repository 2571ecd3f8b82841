"""Base of the console's pages of rows below an execution."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from common.admin.changelists import BoundedListMixin
from common.admin.fields import is_id
from common.admin.times import moment
from simulations.admin import formatting
from simulations.admin.filters import (
    ExecutionIdFilter,
    ExecutionSearchMixin,
)
from simulations.models import Execution


class ExecutionRowMixin(ExecutionSearchMixin, BoundedListMixin):
    """Mixin before `ModelAdmin` for read-only rows that belong to an execution.

    `execution_path` leads from a row to its execution, with two underscores at its end.
    """

    ordering: Any = ["-id"]
    change_form_template: Any = "simulations/console/execution/row.html"
    change_list_template: Any = "simulations/console/execution/rows.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Load the execution's name with each row, but not its plan."""
        path = self.execution_path
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return rows.select_related(f"{path}simulation").defer(f"{path}plan", f"{path}outcome")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Name the execution whose rows are listed, if there is one, so that a way leads back to it."""
        pk = request.GET.get(ExecutionIdFilter.parameter_name, "")
        rows = Execution.objects.filter(pk=int(pk)) if is_id(pk) else Execution.objects.none()
        execution = rows.select_related("simulation").defer("plan", "outcome").first()
        context = {**(extra_context or {}), "execution": execution}
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def get_list_display(self, request: HttpRequest) -> Any:
        """Leave out the execution when the list is filtered by one."""
        columns = list(super().get_list_display(request))
        filtered = ExecutionIdFilter.parameter_name in request.GET
        return [name for name in columns if not (filtered and name == "execution_link")]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context["original"]
        context["subtitle"] = (
            f"{formatting.execution_name(self._execution(row))}, {self.subtitle(row)}"
        )
        context["execution"], context["row_name"] = self._execution(row), self.subtitle(row)
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return answer

    def subtitle(self, row: Any) -> str:
        """Name a row within its execution, such as `stage 2`."""
        raise NotImplementedError

    def _execution(self, row: Any) -> Any:
        for name in self.execution_path.strip("_").split("__"):
            row = getattr(row, name)
        return row

    @admin.display(description=_("execution"))
    def execution_link(self, row: Any) -> str:
        return formatting.execution_link(self._execution(row))

    @admin.display(description=_("status"), ordering="status")
    def status_label(self, row: Any) -> str:
        return formatting.status_label(row)

    @admin.display(description=_("failure"), ordering="failure_code")
    def failure_summary(self, row: Any) -> str:
        return formatting.failure_summary(row)

    @admin.display(description=_("failure"))
    def failure_details(self, row: Any) -> str:
        return formatting.failure_details(row)

    @admin.display(description=_("stage"))
    def stage_link(self, row: Any) -> str:
        return formatting.link(row.stage_run, str(row.stage_run.position))

    @admin.display(description=_("ended at"), ordering="ended_at")
    def ended(self, row: Any) -> str:
        return moment(row.ended_at)
