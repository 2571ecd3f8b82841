"""The tables on the page of an execution: stages, recordings, newest events and frozen plan."""

from typing import Any

from django.db.models import Case, IntegerField, Value, When
from django.utils.translation import gettext as _

from common.admin.numbers import number
from common.admin.times import between, moment
from simulations.admin.formatting import (
    NOTHING,
    event_details,
    event_label,
    execution_name,
    failure_summary,
    link,
    list_url,
    progress_bar,
    status_label,
)
from simulations.choices import AgentStatus, RecordingStatus
from simulations.models import Execution, Recording
from simulations.services.plan import Plan, PlanStage, plan_of
from simulations.services.progress.progress import Progress
from simulations.services.progress.stage_figures import StageFigures, stage_figures
from storage.models import Rosbag
from templates.models import Template

MAX_ROWS = 20
SHOWN_FIRST = [RecordingStatus.LOST, RecordingStatus.EMPTY]


def _stage_columns() -> list[str]:
    return [
        _("Stage"),
        _("Status"),
        _("Progress"),
        _("Agents"),
        _("Messages"),
        _("Undelivered"),
        _("Lateness p99 (µs)"),
        _("Start skew (µs)"),
        _("Joined late"),
        _("Release"),
        _("Duration"),
        _("Failure"),
    ]


def _recording_columns() -> list[str]:
    return [
        _("Stage / unit"),
        _("Status"),
        _("Messages"),
        _("Dropped"),
        _("Rosbag"),
        _("What happened"),
    ]


def _outage_columns() -> list[str]:
    return [_("Stage"), _("Connection lost"), _("Connection restored"), _("Undelivered")]


def _event_columns() -> list[str]:
    return [_("No."), _("Time"), _("Kind"), _("Details"), _("Actor")]


def _plan_columns() -> list[str]:
    return [
        _("Stage"),
        _("Template"),
        _("Rosbag"),
        _("Agents"),
        _("Rate"),
        _("Longest gap"),
        _("Repeats"),
        _("Time limit"),
        _("Delay after"),
        _("Retries"),
        _("Minimum success"),
        _("Lost messages allowed"),
        _("Topics to play"),
        _("Topics to record"),
        _("Topics left out"),
    ]


def sections(execution: Execution, progress: Progress) -> dict[str, Any]:
    """Return the context of the page's template; the number of queries is constant."""
    plan = plan_of(execution)
    return {
        "subtitle": execution_name(execution),
        "lists": _lists(execution),
        "tables": [
            _table(_("Stages"), _stage_columns(), _stages(execution, plan, progress)),
            _table(_("Outages"), _outage_columns(), _outages(progress)),
            _table(_("Recordings"), _recording_columns(), _recordings(execution)),
            _table(_("Newest events"), _event_columns(), _events(execution)),
            _table(_("Frozen plan"), [_("Name"), _("Value")], _plan_fields(plan)),
            _table(_("Stages of the plan"), _plan_columns(), _plan_stages(plan)),
        ],
    }


def _table(heading: str, columns: list[Any], rows: list[Any]) -> dict[str, Any]:
    return {"heading": heading, "columns": columns, "rows": rows, "nothing": _("None.")}


def _stages(execution: Execution, plan: Plan, progress: Progress) -> list[list[Any]]:
    figures = stage_figures(execution)
    live_by_position = {stage.position: stage for stage in progress.stages}
    rows = []
    for run in execution.stage_runs.order_by("position"):
        stage, live = plan.stage(run.position), live_by_position.get(run.position)
        measured = figures.get(run.position, StageFigures())
        rows.append(
            [
                link(run, f"{run.position}. {stage.name}"),
                status_label(run),
                progress_bar(live.percent if live else None),
                _counts(live.agents if live else {}),
                number(live.messages_published if live else measured.messages),
                number(live.messages_undelivered if live else None),
                number(measured.lateness_us),
                number(measured.skew_us),
                measured.late,
                moment(run.release_at),
                between(run.release_at, run.ended_at),
                failure_summary(run),
            ]
        )
    return rows


def _counts(counts: dict[str, int]) -> str:
    texts = [f"{count} {AgentStatus(status).label}" for status, count in counts.items()]
    return ", ".join(texts) or NOTHING


def _plan_fields(plan: Plan) -> list[tuple[str, Any]]:
    network = plan.link
    return [
        (_("Pattern"), plan.pattern),
        (_("Mec"), plan.mec_name),
        (_("Transport"), network.transport),
        (_("Endpoint"), network.endpoint or NOTHING),
        (_("Discovery"), network.discovery),
        (_("ROS domain id"), network.domain_id),
        (_("Namespaces"), f"{plan.namespace_prefix}1 … {plan.namespace_prefix}{plan.agents}"),
        (_("Backend"), plan.backend),
        (_("Agents per unit"), plan.agents_per_unit),
    ]


def _plan_stages(plan: Plan) -> list[list[Any]]:
    return [
        [
            f"{stage.position}. {stage.name}",
            link(
                Template(pk=stage.template),
                _("%(name)s, version %(version)d")
                % {"name": stage.template_name, "version": stage.template_version},
            ),
            link(Rosbag(pk=stage.rosbag), f"{stage.rosbag} ({stage.rosbag_digest[:12]})"),
            f"{stage.first_agent}-{stage.first_agent + stage.agents - 1} ({stage.agents})",
            _rate(stage),
            _limit(stage.max_gap_seconds),
            stage.repeats,
            _limit(stage.execution_time),
            f"{stage.delay_after:g} s",
            stage.retries,
            f"{stage.min_success} %",
            stage.lost_messages_allowed,
            ", ".join(stage.topics),
            ", ".join(topic.name for topic in stage.record) or NOTHING,
            ", ".join(stage.left_out) or NOTHING,
        ]
        for stage in plan.stages
    ]


def _rate(stage: PlanStage) -> str:
    return f"{stage.rate:g}" if stage.rate else _("as fast as possible")


def _limit(seconds: float | None) -> str:
    return f"{seconds:g} s" if seconds else _("none")


def _outages(progress: Progress) -> list[list[Any]]:
    return [
        [
            outage.stage,
            moment(outage.began_at),
            moment(outage.ended_at),
            number(outage.messages),
        ]
        for outage in progress.outages[:MAX_ROWS]
    ]


def _events(execution: Execution) -> list[list[Any]]:
    newest = execution.events.select_related("actor").order_by("-sequence")[:MAX_ROWS]
    return [
        [
            event.sequence,
            moment(event.time),
            event_label(event),
            event_details(event.payload),
            event.actor or NOTHING,
        ]
        for event in newest
    ]


def _recordings(execution: Execution) -> list[list[Any]]:
    first = Case(
        When(status__in=SHOWN_FIRST, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    rows = Recording.objects.filter(stage_run__execution=execution)
    rows = rows.select_related("stage_run", "rosbag").defer("topics")
    return [
        [
            link(row, f"{row.stage_run.position} / {row.unit}"),
            status_label(row),
            number(row.message_count),
            row.dropped,
            link(row.rosbag),
            row.text or NOTHING,
        ]
        for row in rows.order_by(first, "stage_run__position", "unit")[:MAX_ROWS]
    ]


def _lists(execution: Execution) -> list[tuple[str, Any]]:
    pk = execution.pk
    return [
        (list_url("agentrun", execution=pk), _("Agents")),
        (list_url("agentrun", execution=pk, failure="system"), _("Failures of the system")),
        (list_url("agentrun", execution=pk, failure="user"), _("Failures of the user")),
        (list_url("recording", execution=pk), _("Recordings")),
        (list_url("event", execution=pk), _("Events")),
        (list_url("stagerun", execution=pk), _("Stages")),
        (
            list_url("execution", simulation=execution.simulation_id),
            _("Executions of the simulation"),
        ),
    ]
