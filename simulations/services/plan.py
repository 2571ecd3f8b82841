"""The frozen plan of an execution: all that is needed to repeat it exactly."""

from collections.abc import Sequence

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _

from agent.pass_times import replay_seconds
from agent.protocol import AgentSlot, Link, PlayedTopic, RecordTopic
from common.exceptions import FieldError
from simulations.choices import Transport
from simulations.exceptions import NotStartableError
from simulations.models import Execution, Mec, Simulation, Stage
from simulations.services.topics import (
    not_carried_error,
    playable_topics,
    refused_topics,
    stage_topics,
    unsupported,
)
from storage.models import Rosbag, RosbagTopic
from templates.models import Template
from templates.services.pass_length import pass_length
from templates.services.validation.numbers import RATE

PLAN_VERSION = 2
"""Version 1 had only the names of played topics."""


class PlanStage(msgspec.Struct, frozen=True, kw_only=True):
    """One frozen stage; times in seconds, agents numbered from `first_agent`."""

    position: int
    name: str
    template: int
    template_name: str
    template_version: int
    robot_type: str
    rosbag: int
    rosbag_digest: str
    topics: tuple[PlayedTopic, ...]
    left_out: tuple[str, ...] = ()
    messages_a_pass: int
    messages_known: bool = True
    """False where `messages_a_pass` and `seconds_a_pass` are estimated, as only a part is played."""
    seconds_a_pass: float
    seconds_known: bool = True
    """False where `seconds_a_pass` is only a limit, as the index does not tell all gaps that count."""
    rate: float
    max_gap_seconds: float | None = None
    record: tuple[RecordTopic, ...]
    record_own: bool
    agents: int
    first_agent: int
    start_offset: float = 0.0
    end_offset: float | None = None
    pass_gap: float = 0.0
    clock_hz: float = 0.0
    restamp: bool = False
    prefix_frames: bool = False
    match_seconds: float = 30.0
    record_scope: str = "unit"
    record_storage: str = "sqlite3"
    execution_time: float
    repeats: int
    delay_after: float
    area: str
    retries: int
    min_success: int
    lost_messages_allowed: int = 0
    continue_on_failure: bool
    no_messages_allowed: bool = False

    @property
    def topic_names(self) -> tuple[str, ...]:
        """Names of the played topics, as in the rosbag."""
        return tuple(topic.name for topic in self.topics)

    @property
    def seconds_to_match(self) -> float:
        """Time that its agents may wait for subscribers before they are ready."""
        waits = any(topic.subscriber_required for topic in self.topics)
        return self.match_seconds if waits else 0.0

    @property
    def published_names(self) -> tuple[str, ...]:
        """Names of the played topics within the namespace of an agent."""
        return tuple(topic.published_name for topic in self.topics)

    @property
    def renames(self) -> dict[str, str]:
        """Published names of the topics that have another one in the rosbag."""
        return {topic.name: topic.publish_as for topic in self.topics if topic.publish_as}

    @property
    def required_subscribers(self) -> tuple[str, ...]:
        """Names of the topics to which somebody must subscribe, as in the rosbag."""
        return tuple(topic.name for topic in self.topics if topic.subscriber_required)

    @property
    def seconds_of_passes(self) -> float:
        """Seconds of all its passes with the pauses between them."""
        return replay_seconds(
            self.seconds_a_pass, self.messages_a_pass, self.repeats, self.pass_gap
        )

    @property
    def planned_messages(self) -> int:
        """Messages that all its agents publish unless a time limit ends them earlier."""
        return self.agents * self.repeats * self.messages_a_pass


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of an execution; `agents_per_unit` is fixed, so that units keep their agents."""

    version: int = PLAN_VERSION
    pattern: str
    mec: int
    mec_name: str
    link: Link
    namespace_prefix: str
    backend: str
    agents_per_unit: int
    stages: tuple[PlanStage, ...]

    @property
    def agents(self) -> int:
        """Agents of all stages."""
        return sum(stage.agents for stage in self.stages)

    def units(self, stage: PlanStage) -> int:
        """Number of units that host the agents of a stage."""
        return -(-stage.agents // self.agents_per_unit)

    def slots(self, stage: PlanStage, unit: int) -> tuple[AgentSlot, ...]:
        """The agents of one unit, by its index from 0."""
        first = stage.first_agent + unit * self.agents_per_unit
        last = min(first + self.agents_per_unit, stage.first_agent + stage.agents)
        return tuple(
            AgentSlot(number=number, namespace=f"{self.namespace_prefix}{number}")
            for number in range(first, last)
        )

    def stage(self, position: int) -> PlanStage:
        """The stage at a position, from 1."""
        return next(stage for stage in self.stages if stage.position == position)


def plan_of(execution: Execution) -> Plan:
    """The plan that an execution was started with."""
    plan = execution.plan
    if plan["version"] < PLAN_VERSION:
        stages = [
            stage | {"topics": [{"name": name} for name in stage["topics"]]}
            for stage in plan["stages"]
        ]
        plan = plan | {"version": PLAN_VERSION, "stages": stages}
    return msgspec.convert(plan, Plan)


def serialize(plan: Plan) -> object:
    """Convert a plan to lists and dicts, to be stored."""
    return msgspec.to_builtins(plan)


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
    return Plan(
        pattern=simulation.pattern,
        mec=mec.pk,
        mec_name=mec.name,
        link=mec.link,
        namespace_prefix=simulation.namespace_prefix,
        backend=settings.BACKEND,
        agents_per_unit=settings.AGENTS_PER_UNIT,
        stages=tuple(plan_stages),
    )


def start_errors(simulation: Simulation, stages: Sequence[Stage] | None = None) -> list[FieldError]:
    """The reasons why a simulation would be refused if it were started now.

    Args:
        simulation: The simulation, stored or not.
        stages: Stages that are not stored yet, with the topics of their rosbags; else its own.
    """
    stages = stages_of(simulation) if stages is None else stages
    errors: list[FieldError] = []
    if simulation.deleted_at is not None:
        errors.append(FieldError("", _("The simulation was deleted: restore it first.")))
    if not stages:
        errors.append(FieldError("/stages", _("The simulation has no stage: add one.")))
    if not simulation.mec.enabled:
        errors.append(FieldError("/mec", _("The mec is disabled: enable it or choose another.")))
    if simulation.mec.transport not in Transport.values:
        errors.append(FieldError("/mec", _("The transport of the mec is not supported.")))
    elif not simulation.mec.link.leads_somewhere:
        errors.append(_leads_nowhere())
    agents = sum(stage.agent_count for stage in stages)
    if agents > settings.MAX_AGENTS:
        values = {"total": agents, "most": settings.MAX_AGENTS}
        message = _("%(total)d agents are more than the limit of %(most)d: ask for fewer.") % values
        errors.append(FieldError("/stages", message))
    for index, stage in enumerate(stages):
        errors += stage_errors(index, stage, simulation.mec.transport)
    return errors


def check_again(plan: Plan) -> None:
    """Check that a plan can run again: its MEC and rosbags are there, and it has messages.

    Raises:
        NotStartableError: They are not; `errors` names each reason.
    """
    errors = _mec_errors(plan)
    bags = Rosbag.objects.usable().in_bulk({stage.rosbag for stage in plan.stages})
    for index, stage in enumerate(plan.stages):
        bag = bags.get(stage.rosbag)
        if bag is None or bag.content_digest != stage.rosbag_digest:
            values = {"id": stage.rosbag}
            message = (
                _("Rosbag %(id)s of that execution was deleted, is not ready, or has changed.")
                % values
            )
            errors.append(FieldError(f"/stages/{index}/rosbag", message))
        elif not RATE.accept(stage.rate):
            errors.append(_bad_rate(index, stage.template_name))
        elif names := unsupported(plan.link.transport, stage.published_names, stage.record):
            pointer, transport = f"/stages/{index}/template", plan.link.transport
            errors.append(not_carried_error(pointer, stage.template_name, transport, names))
        elif not (stage.messages_a_pass or stage.no_messages_allowed):
            errors.append(_no_messages(index, stage.template_name))
    if errors:
        raise NotStartableError(errors=errors)


def _mec_errors(plan: Plan) -> list[FieldError]:
    errors = []
    if not Mec.objects.filter(pk=plan.mec, enabled=True).exists():
        errors.append(
            FieldError("/mec", _("The mec of that execution was deleted or disabled: enable it."))
        )
    if not plan.link.leads_somewhere:
        errors.append(_leads_nowhere())
    return errors


def stages_of(simulation: Simulation) -> list[Stage]:
    """The stages of a simulation in order, with the topics of their rosbags."""
    rows = simulation.stages.select_related("template__rosbag").order_by("position")
    return list(rows.prefetch_related("template__rosbag__topics"))


def stage_errors(index: int, stage: Stage, transport: str) -> list[FieldError]:
    """The reasons why a stage cannot be started; `index` counts from 0."""
    template, pointer = stage.template, f"/stages/{index}/template"
    if errors := _template_errors(pointer, template):
        return errors
    if not RATE.accept(template.rate):  # stored by a version without bounds
        return [_bad_rate(index, template.name)]
    topics = stage_topics(template, transport)
    if names := refused_topics(template, topics):
        return [not_carried_error(pointer, template.name, transport, names)]
    if not (topics.contents.messages or stage.no_messages_allowed):
        return [_no_messages(index, template.name)]
    return []


def _template_errors(pointer: str, template: Template) -> list[FieldError]:
    values = {"name": template.name}
    if template.deleted_at is not None:
        return [FieldError(pointer, _("Template %(name)s was deleted: choose another.") % values)]
    if not template.rosbag.usable:
        message = _("The rosbag of template %(name)s is not ready: verify it or choose another.")
        return [FieldError(pointer, message % values)]
    missing = sorted(set(template.topics) - {topic.name for topic in playable_topics(template)})
    if missing:
        message = _("Template %(name)s plays topics that its rosbag cannot play: %(topics)s.")
        return [FieldError(pointer, message % (values | {"topics": ", ".join(missing)}))]
    return []


def _leads_nowhere() -> FieldError:
    message = _(
        "The mec has neither an endpoint nor discovery, so that agents would reach nobody: give it one "
        "of them, then start the simulation as it is now."
    )
    return FieldError("/mec", message)


def _bad_rate(index: int, template: str) -> FieldError:
    message = _("The rate of template %(name)s cannot be played. %(bounds)s")
    values = {"name": template, "bounds": RATE.message}
    return FieldError(f"/stages/{index}/template", message % values)


def _no_messages(index: int, template: str) -> FieldError:
    message = _(
        "Template %(name)s has no messages to play: choose other topics or another rosbag, or let "
        "the stage allow no messages."
    )
    return FieldError(f"/stages/{index}/template", message % {"name": template}, "NO_MESSAGES")


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
        topics=tuple(_played_topic(template, by_name[name]) for name in topics.played),
        left_out=topics.left_out,
        messages_a_pass=topics.contents.messages,
        messages_known=topics.contents.is_exact,
        seconds_a_pass=length.seconds / template.rate if template.rate > 0 else 0.0,
        seconds_known=length.is_known,
        rate=template.rate,
        max_gap_seconds=template.max_gap_seconds,
        record=topics.record,
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


def _played_topic(template: Template, topic: RosbagTopic) -> PlayedTopic:
    return PlayedTopic(
        name=topic.name,
        publish_as=template.renames.get(topic.name, ""),
        type=topic.type,
        type_hash=topic.type_hash,
        subscriber_required=topic.name in template.required_subscribers,
    )
