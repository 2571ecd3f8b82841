"""The console's pages of agent runs."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.admin.times import moment
from simulations.admin import formatting
from simulations.admin.execution_rows import ExecutionRowMixin
from simulations.admin.filters import (
    ExecutionIdFilter,
    FailureFilter,
    StageRunIdFilter,
)
from simulations.choices import AGENT_ENDED
from simulations.models import AgentRun
from simulations.services.runs import logs


@admin.register(AgentRun)
class AgentRunAdmin(ExecutionRowMixin, admin.ModelAdmin[AgentRun]):
    """Attempts of all agents."""

    execution_path = "stage_run__execution__"
    list_display = [
        "agent",
        "execution_link",
        "stage_link",
        "status_label",
        "published",
        "lateness",
        "skew",
        "failure_summary",
    ]
    more_columns = ["attempt", "unit", "passes", "messages_undelivered", "messages_late", "late"]
    empty_text = _(
        "No agent has run yet. Agents appear here when an execution prepares its stages."
    )
    list_filter = [ExecutionIdFilter, StageRunIdFilter, "status", FailureFilter, "late"]
    fields = [
        ("execution_link", "stage_link"),
        ("number", "attempt", "unit"),
        "status_label",
        "failure_details",
        ("published", "published_bytes", "passes"),
        ("messages_undelivered", "messages_late", "messages_unchanged"),
        "outage_list",
        ("lateness_p50_us", "lateness_p99_us"),
        ("start_skew_us", "skew_uncertainty_us", "late"),
        ("registered", "last_publication", "ended"),
        "log_lines",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentRun]:
        return super().get_queryset(request).defer("last_log")

    def subtitle(self, row: AgentRun) -> str:
        return gettext("agent %(number)d, attempt %(attempt)d") % vars(row)

    @admin.display(description=_("agent"), ordering="number")
    def agent(self, row: AgentRun) -> str:
        """Number and, of another than the first, the attempt."""
        if row.attempt == 1:
            return str(row.number)
        return gettext("%(number)d, attempt %(attempt)d") % vars(row)

    @admin.display(description=_("lateness p99"), ordering="lateness_p99_us")
    def lateness(self, row: AgentRun) -> str:
        return formatting.microseconds(row.lateness_p99_us)

    @admin.display(description=_("start skew"), ordering="start_skew_us")
    def skew(self, row: AgentRun) -> str:
        return formatting.microseconds(row.start_skew_us)

    @admin.display(description=_("registered at"))
    def registered(self, row: AgentRun) -> str:
        return moment(row.created_at)

    @admin.display(description=_("last publication"))
    def last_publication(self, row: AgentRun) -> str:
        return moment(row.last_publication_at)

    @admin.display(description=_("outages"))
    def outage_list(self, row: AgentRun) -> str:
        return formatting.outages(row.outages)

    @admin.display(description=_("last log lines"))
    def log_lines(self, row: AgentRun) -> str:
        """Show the end of the unit's log; while it runs, the live one."""
        if row.status in AGENT_ENDED:
            return formatting.preformatted(row.last_log)
        execution = row.stage_run.execution_id
        attempt = logs.rows(execution).filter(
            stage_run=row.stage_run_id, unit=row.unit, attempt=row.attempt
        )
        return formatting.preformatted(
            "".join(log["text"] for log in logs.serialize(execution, attempt))
        )
