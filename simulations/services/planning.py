"""Making plans: the design of a simulation as it is now, frozen."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from simulations.choices import FailureCode
from simulations.exceptions import NotStartableError
from simulations.models import Simulation, Stage
from simulations.services.plan import Plan, PlanStage
from simulations.services.plan_backend import with_backend
from simulations.services.start_checks import stages_of, start_errors
from simulations.services.topic_types import played_topics, recorded_topics, untyped_values
from simulations.services.topics import left_out_values, stage_topics
from storage.models import Rosbag
from templates.services.pass_length import pass_length


def freeze(simulation: Simulation) -> Plan:
    """Make a plan of the current design of a simulation.

    Raises:
        NotStartableError: It cannot run; `errors` names each reason.
    """
    stages = stages_of(simulation)
    if errors := start_errors(simulation, stages):
        raise NotStartableError(errors=errors)
    mec = simulation.mec
    plan_stages: list[PlanStage] = []
    first_agent = 1
    for stage in stages:
        plan_stages.append(plan_stage(stage, first_agent, mec.transport))
        first_agent += stage.agent_count
    plan = Plan(
        pattern=simulation.pattern,
        mec=mec.pk,
        mec_name=mec.name,
        link=mec.link,
        namespace_prefix=simulation.namespace_prefix,
        backend=settings.BACKEND,
        agents_per_unit=settings.AGENTS_PER_UNIT,
        stages=tuple(plan_stages),
    )
    templates = {stage.template_id: stage.template for stage in stages}
    rosbags = {template.rosbag_id: template.rosbag for template in templates.values()}
    return with_backend(plan, mec, templates, rosbags)


def plan_stage(stage: Stage, first_agent: int, transport: str) -> PlanStage:
    """Freeze one stage that has no `stage_errors`."""
    template = stage.template
    topics = stage_topics(template, transport)
    rosbag: Rosbag = template.rosbag
    names = set(topics.played)
    played = [topic for topic in rosbag.topics.all() if topic.name in names]
    part = (template.start_offset, template.end_offset)
    length = pass_length(played, template.max_gap_seconds, *part)
    by_name = {topic.name: topic for topic in played}
    return PlanStage(
        position=stage.position,
        name=stage.name or template.name,
        template=template.pk,
        template_name=template.name,
        template_version=template.version,
        robot_type=template.robot_type,
        rosbag=rosbag.pk,
        rosbag_digest=rosbag.content_digest,
        topics=played_topics(template, (by_name[name] for name in topics.played)),
        left_out=topics.left_out,
        untyped=topics.untyped,
        messages_a_pass=topics.contents.messages,
        messages_known=topics.contents.is_exact,
        seconds_a_pass=length.seconds / template.rate if template.rate > 0 else 0.0,
        seconds_known=length.is_known,
        rate=template.rate,
        max_gap_seconds=template.max_gap_seconds,
        record=recorded_topics(template, topics.record),
        record_own=template.record_own,
        start_offset=template.start_offset,
        end_offset=template.end_offset,
        pass_gap=template.pass_gap,
        clock_hz=template.clock_hz,
        restamp=template.restamp,
        prefix_frames=template.prefix_frames,
        match_seconds=template.match_seconds,
        record_scope=template.record_scope,
        record_storage=template.record_storage,
        agents=stage.agent_count,
        first_agent=first_agent,
        execution_time=stage.execution_time,
        repeats=stage.repeat_count,
        delay_after=stage.delay_after,
        area=stage.assigned_area,
        retries=stage.retries,
        min_success=stage.min_success,
        lost_messages_allowed=stage.lost_messages_allowed,
        continue_on_failure=stage.continue_on_failure,
        no_messages_allowed=stage.no_messages_allowed,
    )


def left_out_warnings(transport: str, stages: Iterable[PlanStage]) -> list[dict[str, Any]]:
    """The warnings of an execution about topics that its stages leave out."""
    warnings = []
    for stage in stages:
        if stage.left_out:
            values = left_out_values(transport, stage.left_out)
            warnings.append((FailureCode.TOPIC_NOT_CARRIED, stage.position, values))
        if stage.untyped:
            values = untyped_values(transport, stage.untyped)
            warnings.append((FailureCode.TYPE_UNKNOWN, stage.position, values))
    return [{"code": code, "stage": stage, "values": values} for code, stage, values in warnings]
