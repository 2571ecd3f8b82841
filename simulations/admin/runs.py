"""The console's pages of executions: what the system has written is shown; to act there are buttons."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from common.admin.actions import ObjectActionsMixin, admin_url, run_action, show_links
from common.admin.changelists import ReadOnlyMixin
from simulations.admin import words
from simulations.admin.filters import ActiveFilter, FailureFilter, OfSimulation, SearchesRuns
from simulations.admin.run_page import sections
from simulations.choices import ACTIVE, ENDED, STOPPABLE
from simulations.models import Execution
from simulations.services.progress.bulk import percent_by_id
from simulations.services.progress.progress import progress_of
from simulations.services.runs import lifecycle

Rows = QuerySet[Execution]


class ExecutionList(ChangeList):
    """A page of executions with their progress: one call of Redis for those under way, no rows of agents."""

    def get_queryset(self, request: HttpRequest, *args: Any, **words: Any) -> Rows:
        rows: Rows = super().get_queryset(request, *args, **words)
        # Of plan and outcome, which may be long, only the one figure that is shown.
        return rows.defer("plan", "outcome").annotate(reached=F("outcome__progress__overall"))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        percents = percent_by_id(self.result_list)
        for execution in self.result_list:
            execution.percent = percents.get(execution.pk, execution.reached)


class RunActs:
    """Before `ModelAdmin` in the bases: the actions of executions."""

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Whether this user may start and stop; the rows themselves nobody may change."""
        return bool(request.user.has_perm("simulations.change_execution"))

    @admin.action(description=_("Stop"), permissions=["run"])
    def stop(self, request: HttpRequest, rows: Rows) -> None:
        run_action(
            self,
            request,
            rows,
            lambda row: lifecycle.stop(row, stopped_by=request.user),
            lambda n: ngettext("%d execution stops.", "%d executions stop.", n) % n,
        )

    @admin.action(description=_("Run again (same plan)"), permissions=["run"])
    def again(self, request: HttpRequest, rows: Rows) -> None:
        self._start(request, rows, lifecycle.start_again)

    @admin.action(description=_("Run again (latest)"), permissions=["run"])
    def latest(self, request: HttpRequest, rows: Rows) -> None:
        def start(row: Execution, requested_by: Any) -> Execution:
            return lifecycle.start(row.simulation, requested_by=requested_by)

        self._start(request, rows, start)

    def _start(self, request: HttpRequest, rows: Rows, start: Any) -> None:
        found = run_action(
            self,
            request,
            rows.select_related("simulation"),
            lambda row: start(row, requested_by=request.user),
            lambda n: ngettext("%d execution starts.", "%d executions start.", n) % n,
        )
        show_links(self, request, [(admin_url(each), words.named(each)) for each in found])


@admin.register(Execution)
class ExecutionAdmin(
    RunActs, ObjectActionsMixin, SearchesRuns, ReadOnlyMixin, admin.ModelAdmin[Execution]
):
    """Executions: how far they are, what came of them, and why."""

    change_form_template: ClassVar[Any] = "simulations/console/execution.html"
    list_display = [
        "id",
        "run",
        "shown_status",
        "progress",
        "shown_data",
        "failure",
        "begun",
        "duration",
        "requested_by",
    ]
    list_filter = [
        OfSimulation,
        ActiveFilter,
        "status",
        "data_status",
        FailureFilter,
        "created_at",
    ]
    list_select_related = ["simulation", "requested_by"]
    ordering = ["-id"]
    actions = ["stop", "again", "latest"]
    fields = [
        "of_simulation",
        ("shown_status", "progress"),
        "shown_data",
        "explained",
        ("requested_by", "stopped_by"),
        "same_plan_as",
        ("begun", "started", "stop_asked", "over"),
        ("duration", "expected_end"),
    ]

    class Media:
        css = {"all": ["common/console.css"]}

    def get_changelist(self, request: HttpRequest, **_words: Any) -> type[ChangeList]:
        return ExecutionList

    def get_queryset(self, request: HttpRequest) -> Rows:
        rows: Rows = super().get_queryset(request)
        return rows.select_related("simulation", "requested_by")

    def object_actions(self, row: Execution) -> list[str]:
        if row.status in ENDED:
            return ["again", "latest"]
        return ["stop"] if row.status in STOPPABLE else []

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """One with its progress, which several fields tell of."""
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None:
            row.told = progress_of(row)
            row.percent = row.told.overall
        return row

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **words: Any
    ) -> HttpResponse:
        row: Any = context["original"]
        return super().render_change_form(
            request, {**context, **sections(row, row.told)}, *args, **words
        )

    @admin.display(description=_("execution"), ordering="simulation__name")
    def run(self, row: Execution) -> str:
        return words.run_link(row)

    @admin.display(description=_("simulation"))
    def of_simulation(self, row: Execution) -> str:
        return words.linked(row.simulation)

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, row: Execution) -> str:
        return words.state(row)

    @admin.display(description=_("data status"), ordering="data_status")
    def shown_data(self, row: Execution) -> str:
        return words.state(row, "data_status")

    @admin.display(description=_("progress"))
    def progress(self, row: Any) -> str:
        return words.bar(row.percent)

    @admin.display(description=_("failure"), ordering="failure_code")
    def failure(self, row: Execution) -> str:
        return words.failure(row)

    @admin.display(description=_("failure"))
    def explained(self, row: Execution) -> str:
        return words.explained(row)

    @admin.display(description=_("same plan as"))
    def same_plan_as(self, row: Execution) -> str:
        known = row.again_of_id is not None
        return words.linked(Execution(pk=row.again_of_id), f"{row.again_of_id}") if known else "-"

    @admin.display(description=_("requested at"), ordering="id")
    def begun(self, row: Execution) -> str:
        return words.moment(row.created_at)

    @admin.display(description=_("started at"))
    def started(self, row: Execution) -> str:
        return words.moment(row.started_at)

    @admin.display(description=_("stop asked at"))
    def stop_asked(self, row: Execution) -> str:
        return words.moment(row.stop_asked_at)

    @admin.display(description=_("ended at"))
    def over(self, row: Execution) -> str:
        return words.moment(row.ended_at)

    @admin.display(description=_("duration"))
    def duration(self, row: Execution) -> str:
        return words.duration(row.created_at, row.ended_at)

    @admin.display(description=_("expected end"))
    def expected_end(self, row: Any) -> str:
        return words.moment(row.told.expected_end) if row.status in ACTIVE else "-"
