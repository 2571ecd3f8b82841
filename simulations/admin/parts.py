"""The console's pages of what belongs to executions, and of deletions: read-only, the newest first."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.changelists import ReadOnly
from simulations.admin import words
from simulations.admin.filters import (
    FailureFilter,
    KindFilter,
    OfExecution,
    OfSimulation,
    OfStageRun,
    SearchesRuns,
)
from simulations.choices import AGENT_ENDED, DeletionStatus
from simulations.failures import deletion_error
from simulations.models import AgentRun, Deletion, Event, Recording, StageRun
from simulations.services.runs import logs


class Part(SearchesRuns, ReadOnly):
    """Before `ModelAdmin` in the bases: rows below an execution, which `run_path` leads to."""

    ordering: Any = ["-id"]
    change_form_template: Any = "common/console/change_form.html"

    class Media:
        css = {"all": ["common/console.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows with the name of their execution, but not with its plan."""
        path = self.run_path
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return rows.select_related(f"{path}simulation").defer(f"{path}plan", f"{path}outcome")

    def get_list_display(self, request: HttpRequest) -> Any:
        """Leave the execution out where all rows are of one."""
        columns = list(super().get_list_display(request))  # type: ignore[misc]
        of_one = OfExecution.parameter_name in request.GET
        return [name for name in columns if not (of_one and name == "run")]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **more: Any
    ) -> HttpResponse:
        row = context["original"]
        context["subtitle"] = f"{words.named(self._execution(row))}, {self.part(row)}"
        answer: HttpResponse = super().render_change_form(request, context, *args, **more)  # type: ignore[misc]
        return answer

    def part(self, row: Any) -> str:
        """Which part of its execution a row is."""
        raise NotImplementedError

    def _execution(self, row: Any) -> Any:
        for name in self.run_path.strip("_").split("__"):
            row = getattr(row, name)
        return row

    @admin.display(description=_("execution"))
    def run(self, row: Any) -> str:
        return words.run_link(self._execution(row))

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, row: Any) -> str:
        return words.state(row)

    @admin.display(description=_("failure"), ordering="failure_code")
    def failure(self, row: Any) -> str:
        return words.failure(row)

    @admin.display(description=_("failure"))
    def explained(self, row: Any) -> str:
        return words.explained(row)

    @admin.display(description=_("stage"))
    def stage(self, row: Any) -> str:
        return words.linked(row.stage_run, str(row.stage_run.position))

    @admin.display(description=_("ended at"), ordering="ended_at")
    def over(self, row: Any) -> str:
        return words.moment(row.ended_at)


@admin.register(StageRun)
class StageRunAdmin(Part, admin.ModelAdmin[StageRun]):
    """Stages of all executions."""

    run_path = "execution__"
    list_display = ["id", "run", "position", "shown_status", "units", "released", "over", "failure"]
    list_filter = [OfExecution, "status", FailureFilter]
    fields = [
        "run",
        ("position", "units"),
        "shown_status",
        "explained",
        ("prepared", "released", "agents_over", "over"),
        "handle",
        "more",
    ]

    def part(self, row: StageRun) -> str:
        return gettext("stage %d") % row.position

    @admin.display(description=_("prepared at"))
    def prepared(self, row: StageRun) -> str:
        return words.moment(row.prepared_at)

    @admin.display(description=_("release"), ordering="release_at")
    def released(self, row: StageRun) -> str:
        return words.moment(row.release_at)

    @admin.display(description=_("agents ended at"))
    def agents_over(self, row: StageRun) -> str:
        return words.moment(row.agents_ended_at)

    @admin.display(description=_("more"))
    def more(self, row: StageRun) -> str:
        found = [("agentrun", _("Its agents")), ("recording", _("Its recordings"))]
        lists = [(words.list_of(name, stage_run=row.pk), text) for name, text in found]
        return format_html_join(", ", '<a href="{}">{}</a>', lists)


@admin.register(AgentRun)
class AgentRunAdmin(Part, admin.ModelAdmin[AgentRun]):
    """Attempts of all agents."""

    run_path = "stage_run__execution__"
    list_display = [
        "number",
        "attempt",
        "run",
        "stage",
        "unit",
        "shown_status",
        "published",
        "passes",
        "lateness",
        "skew",
        "late",
        "failure",
        "over",
    ]
    list_filter = [OfExecution, OfStageRun, "status", FailureFilter, "late"]
    fields = [
        ("run", "stage"),
        ("number", "attempt", "unit"),
        "shown_status",
        "explained",
        ("published", "published_bytes", "passes"),
        ("lateness_p50_us", "lateness_p99_us"),
        ("start_skew_us", "skew_uncertainty_us", "late"),
        ("began", "last_publication", "over"),
        "last_lines",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentRun]:
        return super().get_queryset(request).defer("last_log")

    def part(self, row: AgentRun) -> str:
        return gettext("agent %(number)d, attempt %(attempt)d") % vars(row)

    @admin.display(description=_("lateness p99 (µs)"), ordering="lateness_p99_us")
    def lateness(self, row: AgentRun) -> str:
        return words.number(row.lateness_p99_us)

    @admin.display(description=_("start skew (µs)"), ordering="start_skew_us")
    def skew(self, row: AgentRun) -> str:
        return words.number(row.start_skew_us)

    @admin.display(description=_("registered at"))
    def began(self, row: AgentRun) -> str:
        return words.moment(row.created_at)

    @admin.display(description=_("last publication"))
    def last_publication(self, row: AgentRun) -> str:
        return words.moment(row.last_publication_at)

    @admin.display(description=_("last log lines"))
    def last_lines(self, row: AgentRun) -> str:
        """What the unit logged last, while it runs too."""
        if row.status in AGENT_ENDED:
            return words.log(row.last_log)
        execution = row.stage_run.execution_id
        attempt = logs.rows(execution).filter(
            stage_run=row.stage_run_id, unit=row.unit, attempt=row.attempt
        )
        return words.log("".join(each["text"] for each in logs.serialize(execution, attempt)))


@admin.register(Recording)
class RecordingAdmin(Part, admin.ModelAdmin[Recording]):
    """Recordings, also those that are missing."""

    run_path = "stage_run__execution__"
    list_display = [
        "id",
        "run",
        "stage",
        "unit",
        "shown_status",
        "message_count",
        "dropped",
        "bag",
        "text",
        "updated",
    ]
    list_filter = [OfExecution, OfStageRun, "status", "updated_at"]
    fields = [
        ("run", "stage"),
        ("unit", "attempt"),
        "shown_status",
        "text",
        ("message_count", "dropped"),
        "bag",
        "expected_topics",
        "updated",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recording]:
        return super().get_queryset(request).select_related("rosbag").defer("topics")

    def part(self, row: Recording) -> str:
        where = {"stage": row.stage_run.position, "unit": row.unit}
        return gettext("recording of stage %(stage)d, unit %(unit)d") % where

    @admin.display(description=_("rosbag"))
    def bag(self, row: Recording) -> str:
        return words.linked(row.rosbag)

    @admin.display(description=_("expected topics"))
    def expected_topics(self, row: Recording) -> str:
        return words.log("\n".join(map(str, row.topics)))

    @admin.display(description=_("updated at"), ordering="updated_at")
    def updated(self, row: Recording) -> str:
        return words.moment(row.updated_at)


@admin.register(Event)
class EventAdmin(Part, admin.ModelAdmin[Event]):
    """What happened, the newest first."""

    run_path = "execution__"
    list_display = ["when", "run", "sequence", "told", "details", "actor"]
    list_filter = [OfExecution, KindFilter, "time"]
    fields = ["run", "sequence", "when", "told", "kind", "actor", "whole"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).select_related("actor")

    def part(self, row: Event) -> str:
        return gettext("event %d") % row.sequence

    @admin.display(description=_("time"), ordering="time")
    def when(self, event: Event) -> str:
        return words.moment(event.time)

    @admin.display(description=_("what happened"))
    def told(self, event: Event) -> str:
        return words.kind(event)

    @admin.display(description=_("details"))
    def details(self, event: Event) -> str:
        return words.said(event.payload)

    @admin.display(description=_("payload"))
    def whole(self, event: Event) -> str:
        return words.readable(event.payload)


@admin.register(Deletion)
class DeletionAdmin(ReadOnly, admin.ModelAdmin[Deletion]):
    """Deletions under way and done."""

    list_display = [
        "id",
        "of",
        "permanent",
        "shown_status",
        "shown_progress",
        "shown_error",
        "requested_by",
        "created_at",
        "took",
    ]
    list_filter = [OfSimulation, "status", "permanent"]
    list_select_related = ["requested_by"]
    search_fields = ["name"]
    date_hierarchy = "created_at"
    fields = [
        "of",
        "permanent",
        ("shown_status", "shown_progress"),
        "shown_steps",
        "shown_error",
        "requested_by",
        ("created_at", "started_at", "ended_at"),
    ]

    class Media:
        css = {"all": ["common/console.css"]}

    @admin.display(description=_("simulation"), ordering="name")
    def of(self, row: Deletion) -> str:
        """The name, and the way to its page while there is one."""
        gone = row.permanent and row.status == DeletionStatus.COMPLETED
        if gone:
            return row.name
        return words.linked_to("simulation", row.simulation_id, row.name)

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, row: Deletion) -> str:
        return words.state(row)

    @admin.display(description=_("progress"), ordering="progress")
    def shown_progress(self, row: Deletion) -> str:
        return words.bar(row.progress)

    @admin.display(description=_("error"))
    def shown_error(self, row: Deletion) -> str:
        return deletion_error(row.error_code, row.error)

    @admin.display(description=_("steps"))
    def shown_steps(self, row: Deletion) -> str:
        steps = [
            (
                STEPS.get(each["name"], each["name"]),
                words.colour(each["status"]),
                DeletionStatus(each["status"]).label,
            )
            for each in row.steps
        ]
        return format_html_join("", '{}: <span class="{}">{}</span><br>', steps)

    @admin.display(description=_("duration"))
    def took(self, row: Deletion) -> str:
        return words.duration(row.created_at, row.ended_at)


STEPS = {
    "units": _("what units left behind"),
    "live": _("live state"),
    "recordings": _("recordings"),
    "rows": _("executions and the simulation"),
}
"""What the steps of a deletion remove."""
