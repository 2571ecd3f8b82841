"""Reasons why a simulation, or a plan, would be refused if it were started now."""

from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext as _

from common.exceptions import FieldError
from simulations.choices import FailureCode, Transport
from simulations.exceptions import NotStartableError
from simulations.models import Mec, Simulation, Stage
from simulations.services.plan import Plan
from simulations.services.topic_types import untyped_in_plan, untyped_values
from simulations.services.topics import (
    not_carried_error,
    playable_topics,
    refusals,
    stage_topics,
    unsupported,
)
from storage.models import Rosbag
from templates.models import Template
from templates.services.validation.numbers import RATE


def stages_of(simulation: Simulation) -> list[Stage]:
    """The stages of a simulation in order, with the topics of their rosbags."""
    rows = simulation.stages.select_related("template__rosbag").order_by("position")
    return list(rows.prefetch_related("template__rosbag__topics__definition"))


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
        errors.append(
            FieldError("/mec", _("The system under test is disabled: enable it or choose another."))
        )
    if simulation.mec.transport not in Transport.values:
        errors.append(
            FieldError("/mec", _("The transport of the system under test is not supported."))
        )
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
        elif untyped := untyped_in_plan(plan.link.transport, stage.topics):
            errors.append(_untyped_plan(index, plan.link.transport, untyped))
        elif not (stage.messages_a_pass or stage.no_messages_allowed):
            errors.append(_no_messages(index, stage.template_name))
    if errors:
        raise NotStartableError(errors=errors)


def stage_errors(index: int, stage: Stage, transport: str) -> list[FieldError]:
    """The reasons why a stage cannot be started; `index` counts from 0."""
    template, pointer = stage.template, f"/stages/{index}/template"
    if errors := _template_errors(pointer, template):
        return errors
    if not RATE.accept(template.rate):  # stored by a version without bounds
        return [_bad_rate(index, template.name)]
    topics = stage_topics(template, transport)
    if errors := refusals(pointer, template, transport, topics):
        return errors
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


def _mec_errors(plan: Plan) -> list[FieldError]:
    errors = []
    if not Mec.objects.filter(pk=plan.mec, enabled=True).exists():
        errors.append(
            FieldError(
                "/mec",
                _("The system under test of that execution was deleted or disabled: enable it."),
            )
        )
    if not plan.link.leads_somewhere:
        errors.append(_leads_nowhere())
    return errors


def _leads_nowhere() -> FieldError:
    message = _(
        "The system under test has neither an endpoint nor discovery, so that agents would reach nobody: "
        "give it one of them, then start the simulation as it is now."
    )
    return FieldError("/mec", message)


def _bad_rate(index: int, template: str) -> FieldError:
    message = _("The rate of template %(name)s cannot be played. %(bounds)s")
    values = {"name": template, "bounds": RATE.message}
    return FieldError(f"/stages/{index}/template", message % values)


def _untyped_plan(index: int, transport: str, untyped: dict[str, str]) -> FieldError:
    message = _(
        "The plan of that execution does not tell the message types of topics, which the transport "
        "%(transport)s needs: %(topics)s. Start the simulation as it is now."
    )
    values = untyped_values(transport, untyped)
    return FieldError(f"/stages/{index}/template", message % values, FailureCode.TYPE_UNKNOWN)


def _no_messages(index: int, template: str) -> FieldError:
    message = _(
        "Template %(name)s has no messages to play: choose other topics or another rosbag, or let "
        "the stage allow no messages."
    )
    return FieldError(f"/stages/{index}/template", message % {"name": template}, "NO_MESSAGES")
