"""Topics of a stage: those that the transport of its mec carries, and those that are left out."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from agent.protocol import RecordTopic
from agent.topic_names import listing, not_carried
from common.exceptions import FieldError
from simulations.choices import FailureCode
from simulations.services.topic_types import untyped_error, untyped_topics
from storage.models import RosbagTopic
from templates.choices import UnsupportedTopics
from templates.models import Template
from templates.services.played_part import Contents, contents
from templates.services.topic_choice import TopicChoice


class StageTopics(NamedTuple):
    """The topics of a template; those published or recorded under other names than these are left out."""

    played: tuple[str, ...]
    record: tuple[RecordTopic, ...]
    left_out: tuple[str, ...]
    """Names that the transport does not carry."""
    untyped: dict[str, str]
    """Names of topics of whose types too little is known, with these."""
    contents: Contents
    """Messages of one pass."""


def playable_topics(template: Template) -> list[RosbagTopic]:
    """The topics of a template's rosbag that can be played."""
    return [topic for topic in template.rosbag.topics.all() if topic.playable]


def stage_topics(template: Template, transport: str) -> StageTopics:
    """Divide the topics of a template by what a transport carries."""
    by_name = {topic.name: topic for topic in playable_topics(template)}
    choice = TopicChoice.of(template)
    published = {name: choice.published_name(name) for name in choice.played(by_name)}
    record = [RecordTopic(name=t["name"], type=t["type"]) for t in template.record_topics]
    left_out = unsupported(transport, tuple(published.values()), record)
    rows = {new: by_name[name] for name, new in published.items()}
    untyped = untyped_topics(template, transport, rows)
    names = {*left_out, *untyped}
    played = tuple(name for name, new in published.items() if new not in names)
    part = (template.start_offset, template.end_offset)
    return StageTopics(
        played=played,
        record=tuple(topic for topic in record if topic.name not in left_out),
        left_out=left_out,
        untyped={name: kind for name, kind in untyped.items() if name not in left_out},
        contents=contents(template.rosbag, [by_name[name] for name in played], *part),
    )


def unsupported(
    transport: str, published: Sequence[str], record: Sequence[RecordTopic]
) -> tuple[str, ...]:
    """Return the names that a transport does not carry, each once."""
    recorded = not_carried(transport, [topic.name for topic in record])
    return tuple(dict.fromkeys(not_carried(transport, published) + recorded))


def refusals(
    pointer: str, template: Template, transport: str, topics: StageTopics
) -> list[FieldError]:
    """The reasons in its topics why a template is not started; with nothing else to play it never is."""
    if template.unsupported_topics == UnsupportedTopics.LEAVE_OUT and topics.played:
        return []
    errors = []
    if topics.left_out:
        errors.append(not_carried_error(pointer, template.name, transport, topics.left_out))
    if topics.untyped:
        errors.append(untyped_error(pointer, template, transport, topics.untyped))
    return errors


def not_carried_error(
    pointer: str, template: str, transport: str, topics: Sequence[str]
) -> FieldError:
    """The reason why a template with topics that a transport does not carry is not started."""
    message = _(
        "Template %(name)s has topics whose names the transport %(transport)s cannot carry: "
        "%(topics)s. Choose other topics, let the template leave such topics out, or choose a system "
        "under test with another transport."
    )
    values = left_out_values(transport, topics) | {"name": template}
    return FieldError(pointer, message % values, FailureCode.TOPIC_NOT_CARRIED)


def left_out_values(transport: str, topics: Sequence[str]) -> dict[str, Any]:
    """The values of the warning and the event that tell which topics were left out."""
    return {"transport": transport, "count": len(topics), "topics": listing(transport, topics)}
