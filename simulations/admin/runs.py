"""The console's pages of runs: what the system has written is shown, never edited."""

import json
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from simulations.exceptions import SimulationError
from simulations.models import AgentRun, Deletion, Event, Execution, Recording, StageRun
from simulations.services import lifecycle


def to_the_second(moment: datetime | None) -> str:
    """A time as people compare it with others; runs are over in less than the minute that Django shows."""
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def named(execution: Execution) -> str:
    """An execution by the name of its simulation and its number, on one line of a list."""
    name = execution.simulation.name
    short = Truncator(name).chars(30)
    words = {"simulation": short, "number": execution.number}
    told = _("%(simulation)s, execution %(number)d") % words
    return format_html('<span style="white-space: nowrap" title="{}">{}</span>', name, told)


class ReadOnly:
    """Rows that only the system writes."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, *_args: Any) -> bool:
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        return False


class StageRunInline(ReadOnly, admin.TabularInline[StageRun, Execution]):
    """The stages of an execution."""

    model = StageRun
    fields = ["position", "status", "units", "release_at", "ended_at", "failure_code"]
    ordering = ["position"]
    extra = 0


@admin.register(Execution)
class ExecutionAdmin(ReadOnly, admin.ModelAdmin[Execution]):
    """Executions, which may be stopped here."""

    list_display = [
        "id",
        "simulation",
        "number",
        "status",
        "data_status",
        "failure_code",
        "created_at",
        "ended_at",
    ]
    list_filter = ["status", "data_status"]
    list_select_related = ["simulation"]
    search_fields = ["simulation__name"]
    fields = [
        "simulation",
        "number",
        "status",
        "data_status",
        "failure_code",
        "code",
        "failure_text",
        "requested_by",
        "stopped_by",
        "again_of",
        "created_at",
        "started_at",
        "stop_asked_at",
        "ended_at",
        "readable_plan",
    ]
    inlines = [StageRunInline]
    actions = ["stop"]

    @admin.display(description=_("code"))
    def code(self, execution: Execution) -> str:
        return execution.failure_code

    @admin.display(description=_("frozen plan"))
    def readable_plan(self, execution: Execution) -> str:
        plan = json.dumps(execution.plan, indent=2, ensure_ascii=False)
        return format_html('<pre style="white-space: pre-wrap">{}</pre>', plan)

    def has_stop_permission(self, request: HttpRequest) -> bool:
        """Whether this user may stop runs; the rows themselves nobody may change."""
        return bool(request.user.has_perm("simulations.change_execution"))

    @admin.action(description=_("Stop"), permissions=["stop"])
    def stop(self, request: HttpRequest, executions: QuerySet[Execution]) -> None:
        stopped = 0
        for execution in executions:
            try:
                lifecycle.stop(execution, stopped_by=request.user)
            except SimulationError as error:
                self.message_user(request, f"{execution}: {error}", messages.ERROR)
            else:
                stopped += 1
        if stopped:
            text = ngettext("%d execution stops.", "%d executions stop.", stopped)
            self.message_user(request, text % stopped, messages.SUCCESS)


@admin.register(StageRun)
class StageRunAdmin(ReadOnly, admin.ModelAdmin[StageRun]):
    """Stages of all executions."""

    list_display = ["run", "position", "status", "units", "release_at", "ended_at"]
    list_filter = ["status"]
    list_select_related = ["execution__simulation"]
    search_fields = ["execution__simulation__name"]
    ordering = ["-id"]

    @admin.display(description=_("execution"))
    def run(self, stage: StageRun) -> str:
        return named(stage.execution)


class PartAdmin(ReadOnly, admin.ModelAdmin[models.Model]):
    """Parts of stage runs."""

    list_filter = ["status"]
    list_select_related = ["stage_run__execution__simulation"]
    search_fields = ["stage_run__execution__simulation__name"]
    ordering = ["-id"]

    @admin.display(description=_("execution"))
    def run(self, part: Any) -> str:
        return named(part.stage_run.execution)

    @admin.display(description=_("stage"))
    def stage(self, part: Any) -> int:
        return int(part.stage_run.position)


@admin.register(AgentRun)
class AgentRunAdmin(PartAdmin):
    """Attempts of all agents."""

    list_display = [
        "run",
        "stage",
        "number",
        "attempt",
        "unit",
        "status",
        "published",
        "failure_code",
        "ended_at",
    ]


@admin.register(Recording)
class RecordingAdmin(PartAdmin):
    """Recordings, also those that are missing."""

    list_display = [
        "run",
        "stage",
        "unit",
        "status",
        "message_count",
        "dropped",
        "rosbag",
        "updated_at",
    ]
    list_select_related = ["stage_run__execution__simulation", "rosbag"]


@admin.register(Event)
class EventAdmin(ReadOnly, admin.ModelAdmin[Event]):
    """What happened, the newest first."""

    list_display = ["run", "sequence", "when", "kind", "said", "actor"]
    list_select_related = ["execution__simulation", "actor"]
    search_fields = ["kind", "execution__simulation__name"]
    fields = ["execution", "sequence", "when", "kind", "actor", "payload"]
    ordering = ["-id"]

    @admin.display(description=_("execution"))
    def run(self, event: Event) -> str:
        return named(event.execution)

    @admin.display(description=_("time"))
    def when(self, event: Event) -> str:
        return to_the_second(event.time)

    @admin.display(description=_("payload"))
    def said(self, event: Event) -> str:
        told = [
            f"{name}: {value}" for name, value in event.payload.items() if value not in ("", None)
        ]
        return Truncator(", ".join(told)).chars(120)


@admin.register(Deletion)
class DeletionAdmin(ReadOnly, admin.ModelAdmin[Deletion]):
    """Deletions under way and done."""

    list_display = ["name", "simulation_id", "status", "progress", "created_at", "ended_at"]
    list_filter = ["status"]
    list_select_related = True
    search_fields = ["name"]
