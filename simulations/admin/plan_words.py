"""Frozen plans in words: labels and values of their fields, for tables and for differences."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agent.protocol import Link
from common.admin.numbers import number
from common.admin.times import span
from simulations.admin.unit_words import placement_text, resources_text
from simulations.choices import (
    Attachment,
    Discovery,
    Pattern,
    Transport,
    ZenohMode,
    backend_text,
)
from simulations.services.plan import Plan, PlanStage
from simulations.services.plan_difference import Change, Difference
from storage.models import Rosbag
from templates.choices import RecordScope, RecordStorage

LABELS = {
    "pattern": gettext_lazy("Order of the stages"),
    "mec_name": gettext_lazy("System under test"),
    "link": gettext_lazy("Connection"),
    "namespace_prefix": gettext_lazy("Namespaces"),
    "backend": gettext_lazy("Backend"),
    "image": gettext_lazy("Image of the agents"),
    "placement": gettext_lazy("Nodes for units"),
    "agents_per_unit": gettext_lazy("Agents per unit"),
    "name": gettext_lazy("Name"),
    "template_name": gettext_lazy("Template"),
    "template_version": gettext_lazy("Version of the template"),
    "robot_type": gettext_lazy("Robot type"),
    "rosbag": gettext_lazy("Rosbag"),
    "rosbag_digest": gettext_lazy("Content of the rosbag"),
    "topics": gettext_lazy("Topics to play"),
    "renames": gettext_lazy("Renamed topics"),
    "required_subscribers": gettext_lazy("Topics that require a subscriber"),
    "left_out": gettext_lazy("Topics left out"),
    "untyped": gettext_lazy("Topics of unknown types, left out"),
    "messages_a_pass": gettext_lazy("Messages in one pass"),
    "rate": gettext_lazy("Rate"),
    "max_gap_seconds": gettext_lazy("Longest gap"),
    "start_offset": gettext_lazy("Plays from"),
    "end_offset": gettext_lazy("Plays to"),
    "pass_gap": gettext_lazy("Pause between passes"),
    "clock_hz": gettext_lazy("Clock of the agents"),
    "restamp": gettext_lazy("Stamps headers anew"),
    "prefix_frames": gettext_lazy("Prefixes frame IDs"),
    "match_seconds": gettext_lazy("Wait for subscribers"),
    "record": gettext_lazy("Topics to record"),
    "record_own": gettext_lazy("Records its own messages"),
    "record_scope": gettext_lazy("Recordings"),
    "record_storage": gettext_lazy("Format of recordings"),
    "resources": gettext_lazy("Resources of a unit"),
    "agents": gettext_lazy("Agents"),
    "execution_time": gettext_lazy("Time limit"),
    "repeats": gettext_lazy("Passes"),
    "delay_after": gettext_lazy("Pause afterwards"),
    "area": gettext_lazy("Area"),
    "retries": gettext_lazy("Retries of a unit"),
    "min_success": gettext_lazy("Agents that must complete"),
    "lost_messages_allowed": gettext_lazy("Lost messages allowed"),
    "continue_on_failure": gettext_lazy("After a failure"),
    "no_messages_allowed": gettext_lazy("No messages allowed"),
}
MAX_NAMES = 12
DIGITS = 12


def rosbag_names(plans: Iterable[Plan]) -> dict[int, str]:
    """The names of the rosbags of these plans by id, in one query."""
    ids = {stage.rosbag for plan in plans for stage in plan.stages}
    return dict(Rosbag.objects.filter(pk__in=ids).values_list("pk", "name"))


def in_words(field: str, value: Any, bags: Mapping[int, str]) -> str:
    """A value of a plan as text; `bags` has the names of rosbags."""
    if field == "rosbag":
        return bags.get(value) or _("rosbag no. %(id)d, which was deleted") % {"id": value}
    return _WORDS.get(field, _text)(value)


def difference_rows(
    differences: Iterable[Difference], bags: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Differences for a table: stage, what differs, and both values in words."""
    return [
        {
            "stage": difference.stage,
            "stage_name": difference.stage_name,
            "change": difference.change,
            "label": _difference_label(difference),
            "before": _value(difference, difference.before, bags),
            "after": _value(difference, difference.after, bags),
        }
        for difference in differences
    ]


def _difference_label(difference: Difference) -> str:
    if difference.change == Change.STAGE_ADDED:
        return _("Stage added")
    if difference.change == Change.STAGE_REMOVED:
        return _("Stage removed")
    return str(LABELS[difference.field])


def _value(difference: Difference, value: Any, bags: Mapping[int, str]) -> str:
    if difference.change == Change.CHANGED:
        return in_words(difference.field, value, bags)
    return "" if value is None else _("%(agents)s agents") % {"agents": number(value)}


def plan_facts(plan: Plan) -> list[tuple[str, str]]:
    """Label and value of what holds for all stages."""
    fields: tuple[str, ...] = ("pattern", "mec_name", "link", "backend", "agents_per_unit")
    if plan.image:  # of a backend that runs containers
        fields = (*fields, "image", "placement")
    facts = [(str(LABELS[name]), in_words(name, getattr(plan, name), {})) for name in fields]
    prefix = plan.namespace_prefix
    names = f"{prefix}1 … {prefix}{plan.agents}" if plan.agents > 1 else f"{prefix}1"
    return [*facts, (str(LABELS["namespace_prefix"]), names)]


def stage_facts(stage: PlanStage, bags: Mapping[int, str]) -> list[tuple[str, str]]:
    """Label and value of what a stage sets; what is at its default and rarely used is left out."""
    shown = ["rosbag", "agents", "rate", "repeats", "execution_time", "topics", "record"]
    rarely = ["renames", "required_subscribers", "left_out", "untyped"]
    rarely += [
        "max_gap_seconds",
        "start_offset",
        "end_offset",
        "pass_gap",
        "clock_hz",
        "restamp",
        "prefix_frames",
        "delay_after",
    ]
    rarely += ["area", "retries", "robot_type", "lost_messages_allowed", "record_own"]
    rarely += ["continue_on_failure", "no_messages_allowed", "resources"]
    shown += [name for name in rarely if getattr(stage, name)]
    if stage.required_subscribers:
        shown.append("match_seconds")
    if stage.record:
        shown += ["record_scope", "record_storage"]
    return [
        (str(LABELS[name]), in_words(name, _value_of(stage, name), bags))
        for name in [*shown, "min_success"]
    ]


def _value_of(stage: PlanStage, field: str) -> Any:
    return stage.topic_names if field == "topics" else getattr(stage, field)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return number(value)
    return str(value) if value else _("none")


def _choice(choices: Any) -> Callable[[Any], str]:
    return lambda value: str(choices(value).label) if value in choices.values else str(value)


def _link(link: Link | dict[str, Any]) -> str:
    """Connection to the system under test, in words."""
    link = link if isinstance(link, Link) else msgspec.convert(link, Link)
    parts = [_choice(Transport)(link.transport), link.endpoint]
    if link.discovery != Discovery.NONE:
        discovery = _choice(Discovery)(link.discovery)
        parts.append(_("discovery: %(discovery)s") % {"discovery": discovery})
    parts += link.addresses
    if link.domain_id:
        parts.append(_("ROS domain %(id)d") % {"id": link.domain_id})
    if link.zenoh_mode != ZenohMode.CLIENT:
        parts.append(_choice(ZenohMode)(link.zenoh_mode))
    if link.attachment == Attachment.KEYED:
        parts.append(_choice(Attachment)(link.attachment))
    if link.secret:
        parts.append(_("secret %(name)s") % {"name": link.secret})
    return ", ".join(part for part in parts if part)


def _names(values: Iterable[Any]) -> str:
    """The first names of topics; topics to record have a type as well."""
    names = [_name(value) for value in values]
    more = len(names) - MAX_NAMES
    text = ", ".join(names[:MAX_NAMES])
    return _("%(names)s and %(more)d more") % {"names": text, "more": more} if more > 0 else text


def _name(topic: Any) -> str:
    if isinstance(topic, dict):
        return str(topic["name"])
    return topic if isinstance(topic, str) else str(topic.name)


def _renames(values: Mapping[str, str]) -> str:
    return _topics([f"{topic} → {name}" for topic, name in values.items()])


def _topics(values: Iterable[Any]) -> str:
    return _names(values) or _("none")


def _seconds(value: float | None) -> str:
    return span(value) if value else _("none")


def _start(value: float) -> str:
    return span(value) if value else _("the first message")


def _end(value: float | None) -> str:
    return _("the last message") if value is None else span(value)


def _clock(value: float) -> str:
    return (
        _("%(rate)s Hz on /clock") % {"rate": number(value, 1 if value % 1 else 0)}
        if value
        else _("none")
    )


def _rate(value: float) -> str:
    rate = number(value, 3 if value % 1 else 0)
    return (
        _("%(rate)s times the recorded speed") % {"rate": rate}
        if value
        else _("as fast as possible")
    )


def _digest(value: str) -> str:
    return value[:DIGITS]


def _percent(value: float) -> str:
    return f"{value} %"


def _after_failure(value: bool) -> str:  # noqa: FBT001
    return _("the next stage runs") if value else _("the execution ends")


_WORDS: dict[str, Callable[[Any], str]] = {
    "pattern": _choice(Pattern),
    "link": _link,
    "backend": backend_text,
    "placement": placement_text,
    "resources": resources_text,
    "topics": _topics,
    "renames": _renames,
    "required_subscribers": _topics,
    "left_out": _topics,
    "untyped": _topics,
    "record": _topics,
    "rate": _rate,
    "rosbag_digest": _digest,
    "max_gap_seconds": _seconds,
    "start_offset": _start,
    "end_offset": _end,
    "pass_gap": _seconds,
    "clock_hz": _clock,
    "match_seconds": _seconds,
    "record_scope": _choice(RecordScope),
    "record_storage": _choice(RecordStorage),
    "execution_time": _seconds,
    "delay_after": _seconds,
    "min_success": _percent,
    "continue_on_failure": _after_failure,
}
