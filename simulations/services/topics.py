"""Topics of a stage: those that the transport of its mec carries, and those that are left out."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from agent.protocol import RecordTopic
from agent.topic_names import listing, not_carried
from common.exceptions import FieldError
from simulations.choices import FailureCode
from storage.models import RosbagTopic
from templates.choices import UnsupportedTopics
from templates.models import Template
from templates.services.played_part import Contents, contents
from templates.services.topic_choice import TopicChoice


class StageTopics(NamedTuple):
    """The topics of a template; those published or recorded as `left_out` are not played or recorded."""

    played: tuple[str, ...]
    record: tuple[RecordTopic, ...]
    left_out: tuple[str, ...]
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
    names = set(left_out)
    played = tuple(name for name, new in published.items() if new not in names)
    part = (template.start_offset, template.end_offset)
    return StageTopics(
        played=played,
        record=tuple(topic for topic in record if topic.name not in names),
        left_out=left_out,
        contents=contents(template.rosbag, [by_name[name] for name in played], *part),
    )


def unsupported(
    transport: str, published: Sequence[str], record: Sequence[RecordTopic]
) -> tuple[str, ...]:
    """Return the names that a transport does not carry, each once."""
    recorded = not_carried(transport, [topic.name for topic in record])
    return tuple(dict.fromkeys(not_carried(transport, published) + recorded))


def refused_topics(template: Template, topics: StageTopics) -> tuple[str, ...]:
    """Return the topics for which a template is not started; with nothing else to play it never is."""
    if template.unsupported_topics == UnsupportedTopics.LEAVE_OUT and topics.played:
        return ()
    return topics.left_out


def not_carried_error(
    pointer: str, template: str, transport: str, topics: Sequence[str]
) -> FieldError:
    """The reason why a template with topics that a transport does not carry is not started."""
    message = _(
        "Template %(name)s has topics whose names the transport %(transport)s cannot carry: "
        "%(topics)s. Choose other topics, let the template leave such topics out, or choose a mec "
        "with another transport."
    )
    values = left_out_values(transport, topics) | {"name": template}
    return FieldError(pointer, message % values, FailureCode.TOPIC_NOT_CARRIED)


def left_out_values(transport: str, topics: Sequence[str]) -> dict[str, Any]:
    """The values of the warning and the event that tell which topics were left out."""
    return {"transport": transport, "count": len(topics), "topics": listing(transport, topics)}
