"""What the page of one execution shows beside its fields: stages, plan, newest events, recordings."""

from typing import Any

from django.db.models import Case, IntegerField, Value, When
from django.utils.translation import gettext as _

from simulations.admin.formatting import (
    NOTHING,
    bar,
    duration,
    failure,
    kind,
    linked,
    list_of,
    moment,
    named,
    number,
    said,
    state,
)
from simulations.choices import AgentStatus, RecordingStatus
from simulations.models import Execution, Recording
from simulations.services.plan import Plan, PlanStage, plan_of
from simulations.services.progress.progress import Progress
from simulations.services.progress.stage_figures import StageFigures, stage_figures
from storage.models import Rosbag
from templates.models import Template

MOST_SHOWN = 20
URGENT = [RecordingStatus.LOST, RecordingStatus.EMPTY]
"""Recordings that are shown first."""


def _stage_columns() -> list[str]:
    return [
        _("Stage"),
        _("Status"),
        _("Progress"),
        _("Agents"),
        _("Messages"),
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


def _event_columns() -> list[str]:
    return [_("No."), _("Time"), _("Kind"), _("Details"), _("Actor")]


def _plan_columns() -> list[str]:
    return [
        _("Stage"),
        _("Template"),
        _("Rosbag"),
        _("Agents"),
        _("Rate"),
        _("Repeats"),
        _("Time limit"),
        _("Delay after"),
        _("Retries"),
        _("Minimum success"),
        _("Topics to play"),
        _("Topics to record"),
    ]


def sections(execution: Execution, progress: Progress) -> dict[str, Any]:
    """What the template of the page needs; the number of queries does not depend on the number of rows."""
    plan = plan_of(execution)
    return {
        "subtitle": named(execution),
        "lists": _lists(execution),
        "tables": [
            _table(_("Stages"), _stage_columns(), _stages(execution, plan, progress)),
            _table(_("Recordings"), _recording_columns(), _recordings(execution)),
            _table(_("Newest events"), _event_columns(), _events(execution)),
            _table(_("Frozen plan"), [_("What"), _("Value")], _facts(plan)),
            _table(_("Stages of the plan"), _plan_columns(), _plan_stages(plan)),
        ],
    }


def _table(heading: str, columns: list[Any], rows: list[Any]) -> dict[str, Any]:
    return {"heading": heading, "columns": columns, "rows": rows, "nothing": _("None.")}


def _stages(execution: Execution, plan: Plan, progress: Progress) -> list[list[Any]]:
    figures = stage_figures(execution)
    percents = {stage.position: stage for stage in progress.stages}
    rows = []
    for run in execution.stage_runs.order_by("position"):
        stage, told = plan.stage(run.position), percents.get(run.position)
        measured = figures.get(run.position, StageFigures())
        rows.append(
            [
                linked(run, f"{run.position}. {stage.name}"),
                state(run),
                bar(told.percent if told else None),
                _counted(told.agents if told else {}),
                number(told.messages_published if told else measured.messages),
                number(measured.lateness_us),
                number(measured.skew_us),
                measured.late,
                moment(run.release_at),
                duration(run.release_at, run.ended_at),
                failure(run),
            ]
        )
    return rows


def _counted(counts: dict[str, int]) -> str:
    return (
        ", ".join(f"{count} {AgentStatus(state_).label}" for state_, count in counts.items())
        or NOTHING
    )


def _facts(plan: Plan) -> list[tuple[str, Any]]:
    link = plan.link
    return [
        (_("Pattern"), plan.pattern),
        (_("Mec"), plan.mec_name),
        (_("Transport"), link.transport),
        (_("Endpoint"), link.endpoint or NOTHING),
        (_("Discovery"), link.discovery),
        (_("ROS domain id"), link.domain_id),
        (_("Namespaces"), f"{plan.namespace_prefix}1 … {plan.namespace_prefix}{plan.agents}"),
        (_("Backend"), plan.backend),
        (_("Agents per unit"), plan.agents_per_unit),
    ]


def _plan_stages(plan: Plan) -> list[list[Any]]:
    return [
        [
            f"{stage.position}. {stage.name}",
            linked(
                Template(pk=stage.template),
                _("%(name)s, version %(version)d")
                % {"name": stage.template_name, "version": stage.template_version},
            ),
            linked(Rosbag(pk=stage.rosbag), f"{stage.rosbag} ({stage.rosbag_digest[:12]})"),
            f"{stage.first_agent}-{stage.first_agent + stage.agents - 1} ({stage.agents})",
            _rate(stage),
            stage.repeats,
            _limit(stage.execution_time),
            f"{stage.delay_after:g} s",
            stage.retries,
            f"{stage.min_success} %",
            ", ".join(stage.topics),
            ", ".join(topic.name for topic in stage.record) or NOTHING,
        ]
        for stage in plan.stages
    ]


def _rate(stage: PlanStage) -> str:
    return f"{stage.rate:g}" if stage.rate else _("as fast as possible")


def _limit(seconds: float) -> str:
    return f"{seconds:g} s" if seconds else _("none")


def _events(execution: Execution) -> list[list[Any]]:
    newest = execution.events.select_related("actor").order_by("-sequence")[:MOST_SHOWN]
    return [
        [
            event.sequence,
            moment(event.time),
            kind(event),
            said(event.payload),
            event.actor or NOTHING,
        ]
        for event in newest
    ]


def _recordings(execution: Execution) -> list[list[Any]]:
    first = Case(
        When(status__in=URGENT, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    rows = Recording.objects.filter(stage_run__execution=execution)
    found = rows.select_related("stage_run", "rosbag").defer("topics")
    return [
        [
            linked(each, f"{each.stage_run.position} / {each.unit}"),
            state(each),
            number(each.message_count),
            each.dropped,
            linked(each.rosbag),
            each.text or NOTHING,
        ]
        for each in found.order_by(first, "stage_run__position", "unit")[:MOST_SHOWN]
    ]


def _lists(execution: Execution) -> list[tuple[str, Any]]:
    pk = execution.pk
    return [
        (list_of("agentrun", execution=pk), _("Agents")),
        (list_of("agentrun", execution=pk, failure="system"), _("Failures of the system")),
        (list_of("agentrun", execution=pk, failure="user"), _("Failures of the user")),
        (list_of("recording", execution=pk), _("Recordings")),
        (list_of("event", execution=pk), _("Events")),
        (list_of("stagerun", execution=pk), _("Stages")),
        (
            list_of("execution", simulation=execution.simulation_id),
            _("Executions of the simulation"),
        ),
    ]
