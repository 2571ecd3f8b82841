"""The console's pages of runs: what the system has written is shown, never edited."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from simulations.exceptions import SimulationError
from simulations.models import AgentRun, Deletion, Event, Execution, Recording, StageRun
from simulations.services import lifecycle


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
    inlines = [StageRunInline]
    actions = ["stop"]

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

    list_display = ["execution", "position", "status", "units", "release_at", "ended_at"]
    list_filter = ["status"]
    list_select_related = ["execution"]
    search_fields = ["execution__simulation__name"]
    ordering = ["-id"]


class PartAdmin(ReadOnly, admin.ModelAdmin[models.Model]):
    """Parts of stage runs."""

    list_filter = ["status"]
    list_select_related = ["stage_run"]
    search_fields = ["stage_run__execution__simulation__name"]
    ordering = ["-id"]


@admin.register(AgentRun)
class AgentRunAdmin(PartAdmin):
    """Attempts of all agents."""

    list_display = [
        "stage_run",
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
        "stage_run",
        "unit",
        "status",
        "message_count",
        "dropped",
        "rosbag",
        "updated_at",
    ]
    list_select_related = ["stage_run", "rosbag"]


@admin.register(Event)
class EventAdmin(ReadOnly, admin.ModelAdmin[Event]):
    """What happened, the newest first."""

    list_display = ["execution", "sequence", "time", "kind", "actor"]
    list_select_related = ["execution", "actor"]
    search_fields = ["kind"]
    ordering = ["-id"]


@admin.register(Deletion)
class DeletionAdmin(ReadOnly, admin.ModelAdmin[Deletion]):
    """Deletions under way and done."""

    list_display = ["name", "simulation_id", "status", "progress", "created_at", "ended_at"]
    list_filter = ["status"]
    list_select_related = True
    search_fields = ["name"]
