"""Types of the topics of a stage, and what publishers and subscriptions must know of them."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from agent.protocol import PlayedTopic, Qos, RecordTopic
from agent.topic_names import MAX_LISTED, with_slash
from common.exceptions import FieldError
from simulations.choices import FailureCode, Transport
from storage.models import RosbagTopic
from storage.services.rosbags.types import TypesOfRosbag, offered, requested
from templates.models import Template
from templates.services.topic_choice import TopicChoice

TYPED = frozenset({Transport.ZENOH})
"""Transports by which messages reach nobody without the hash of their type. DDS matches types by name."""


def untyped_topics(
    template: Template, transport: str, published: Mapping[str, RosbagTopic]
) -> dict[str, str]:
    """The topics of whose types too little is known to play them, by published name, with their types.

    The transport may need hashes; headers are changed only where the layout of the messages is known.
    """
    needs_hash, needs_layout = transport in TYPED, template.restamp or template.prefix_frames
    if not (needs_hash or needs_layout):
        return {}
    types = TypesOfRosbag(template.rosbag, template.definitions)
    known = {name: types.of_topic(topic) for name, topic in published.items()}
    return {
        name: topic_type.name
        for name, topic_type in known.items()
        if (needs_hash and not topic_type.type_hash) or (needs_layout and topic_type.layout is None)
    }


def played_topics(template: Template, topics: Iterable[RosbagTopic]) -> tuple[PlayedTopic, ...]:
    """The topics to play, with all that their publishers must know."""
    types = TypesOfRosbag(template.rosbag, template.definitions)
    changes_headers = template.restamp or template.prefix_frames
    return tuple(
        PlayedTopic(
            name=topic.name,
            publish_as=template.renames.get(topic.name, ""),
            type=(topic_type := types.of_topic(topic)).name,
            type_hash=topic_type.type_hash,
            qos=msgspec.convert(offered(topic.offered_qos_profiles)._asdict(), Qos),
            subscriber_required=topic.name in template.required_subscribers,
            layout=(topic_type.layout or None) if changes_headers else None,
        )
        for topic in topics
    )


def recorded_topics(template: Template, record: Iterable[RecordTopic]) -> tuple[RecordTopic, ...]:
    """The topics to record, with all that a recording holds of their types.

    They are subscribed to as their publishers in the rosbag need it; others with the default.
    """
    types = TypesOfRosbag(template.rosbag, template.definitions)
    choice = TopicChoice.of(template)
    topics = template.rosbag.topics.all()
    by_name = {with_slash(choice.published_name(topic.name)): topic for topic in topics}
    completed = []
    for wanted in record:
        source = by_name.get(with_slash(wanted.name))
        topic_type = types.of_name(wanted.type, source.name if source else wanted.name)
        encoding, definition = types.definition(topic_type)
        request = requested(source.offered_qos_profiles if source else "")
        completed.append(
            RecordTopic(
                name=wanted.name,
                type=topic_type.name,
                type_hash=topic_type.type_hash,
                definition=definition,
                definition_encoding=encoding,
                qos=msgspec.convert(request._asdict(), Qos),
            )
        )
    return tuple(completed)


def untyped_in_plan(transport: str, played: Iterable[PlayedTopic]) -> dict[str, str]:
    """The topics of a plan without a hash that the transport needs, by published name, with their types."""
    topics = played if transport in TYPED else ()
    return {topic.published_name: topic.type for topic in topics if not topic.type_hash}


def untyped_error(
    pointer: str, template: Template, transport: str, untyped: dict[str, str]
) -> FieldError:
    """The reason why a template with topics of unknown types is not started."""
    if template.restamp or template.prefix_frames:
        message = _(
            "Template %(name)s changes headers, and has topics of message types whose definition is not "
            "known, or is not that of the recorded hash: %(topics)s. Add the definitions to the template, "
            "let it leave such topics out, or play headers as recorded."
        )
    else:
        message = _(
            "Template %(name)s has topics of message types that are defined nowhere, and the transport "
            "%(transport)s needs the definitions: %(topics)s. Add them to the template, let it leave such "
            "topics out, or choose a system under test with the transport ros2 or zenoh-raw."
        )
    text = message % (untyped_values(transport, untyped) | {"name": template.name})
    return FieldError(pointer, f"{text}{_verify_again(template)}", FailureCode.TYPE_UNKNOWN)


def _verify_again(template: Template) -> str:
    """A hint for rosbags in MCAP of older versions of this system, which did not keep definitions."""
    rosbag = template.rosbag
    if rosbag.storage_id != "mcap" or any(topic.definition_id for topic in rosbag.topics.all()):
        return ""
    return " " + _("If the rosbag was stored before an update, verify it again first.")


def untyped_values(transport: str, untyped: Mapping[str, str]) -> dict[str, Any]:
    """The values of the warning and the event that tell which topics of unknown types were left out."""
    texts = [f"{name} ({kind})" for name, kind in untyped.items()]
    shown = ", ".join(texts[:MAX_LISTED] + ["…"] * (len(texts) > MAX_LISTED))
    return {"transport": transport, "count": len(texts), "topics": shown}
