"""Topics of templates: the rosbag has them, and no two are published under one name."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from agent.topic_names import with_slash
from common.exceptions import FieldError
from storage.models import Rosbag, RosbagTopic
from templates.models import Template
from templates.services.topic_choice import CLOCK, TopicChoice
from templates.services.validation.names import is_topic_name

MAX_TOPICS = 1000
LISTS = ("topics", "excluded_topics", "required_subscribers")
CHOICE = {"rosbag", "topics", "excluded_topics", "renames", "required_subscribers", "clock_hz"}
"""Fields that are checked together, as each limits the others."""
Topics = Mapping[str, RosbagTopic]


def topics_by_name(rosbag: Rosbag) -> dict[str, RosbagTopic]:
    """The topics of a rosbag."""
    return {topic.name: topic for topic in rosbag.topics.only("name", "serialization_format")}


def too_many(pointer: str, topics: Sequence[Any] | Mapping[str, Any]) -> list[FieldError]:
    """Refuse more topics than a template may have."""
    if len(topics) <= MAX_TOPICS:
        return []
    detail = _("Choose at most %(max)d topics.") % {"max": MAX_TOPICS}
    return [FieldError(pointer, detail, "TOO_MANY_TOPICS")]


def choice_errors(rosbag: Rosbag, template: Template) -> list[FieldError]:
    """Check which topics of a rosbag are played, and how they are published."""
    chosen = {name: getattr(template, name) for name in (*LISTS, "renames")}
    if errors := [error for name in chosen for error in too_many(f"/{name}", chosen[name])]:
        return errors
    if not any(chosen.values()):
        return []
    by_name = topics_by_name(rosbag)
    choice = TopicChoice.of(template)
    playable = [name for name, topic in by_name.items() if topic.playable]
    played = choice.played(playable)
    return [
        *(e for name in LISTS for e in _not_playable(f"/{name}", chosen[name], rosbag, by_name)),
        *_excluded_errors(choice, playable, played),
        *_required_errors(template.required_subscribers, by_name, played),
        *_rename_errors(rosbag, by_name, choice, played),
    ]


def _not_playable(
    pointer: str, names: Sequence[str], rosbag: Rosbag, by_name: Topics
) -> Iterator[FieldError]:
    """The topics of a list that the rosbag cannot play, and those that are listed twice."""
    counts = Counter(names)
    for index, topic in enumerate(names):
        if topic not in by_name:
            yield _not_in_rosbag(f"{pointer}/{index}", rosbag, topic)
        elif not by_name[topic].playable:
            detail = _(
                "Topic %(topic)s is serialized as %(format)s and cannot be played: leave it out."
            )
            detail %= {"topic": topic, "format": by_name[topic].serialization_format}
            yield FieldError(f"{pointer}/{index}", detail, "TOPIC_NOT_PLAYABLE")
        elif counts[topic] > 1:
            yield FieldError(f"{pointer}/{index}", _("List each topic once."), "TOPIC_REPEATED")


def _not_in_rosbag(pointer: str, rosbag: Rosbag, topic: str) -> FieldError:
    detail = _("Rosbag %(name)s has no topic %(topic)s: choose from its topics.")
    detail %= {"name": rosbag.name, "topic": topic}
    return FieldError(pointer, detail, "TOPIC_NOT_IN_ROSBAG")


def _excluded_errors(
    choice: TopicChoice, playable: Sequence[str], played: Sequence[str]
) -> Iterator[FieldError]:
    both = [name for name in choice.chosen if name in choice.excluded]
    if both:
        detail = _("Both to play and not to play: %(topics)s. Decide on one.")
        yield FieldError("/excluded_topics", detail % {"topics": ", ".join(both)}, "TOPIC_IN_BOTH")
    elif playable and not played:
        yield FieldError("/excluded_topics", _("Leave a topic to play."), "NOTHING_TO_PLAY")


def _required_errors(
    required: Sequence[str], by_name: Topics, played: Iterable[str]
) -> Iterator[FieldError]:
    names = set(played)
    for index, topic in enumerate(required):
        if topic in by_name and by_name[topic].playable and topic not in names:
            detail = _("Topic %(topic)s is not played, so that it needs no subscriber.")
            pointer = f"/required_subscribers/{index}"
            yield FieldError(pointer, detail % {"topic": topic}, "TOPIC_NOT_PLAYED")


def _rename_errors(
    rosbag: Rosbag, by_name: Topics, choice: TopicChoice, played: Sequence[str]
) -> Iterator[FieldError]:
    published = Counter(with_slash(choice.published_name(name)) for name in played)
    names = set(played)
    for topic, new in choice.renames.items():
        pointer = "/renames/" + topic.replace("~", "~0").replace("/", "~1")
        if topic not in by_name:
            yield _not_in_rosbag(pointer, rosbag, topic)
        elif not is_topic_name(with_slash(new)):
            detail = _(
                "Topic %(topic)s: give a ROS topic name, such as /scan, of at most 255 signs."
            )
            yield FieldError(pointer, detail % {"topic": topic}, "TOPIC_NAME_INVALID")
        elif choice.own_clock and with_slash(new) == CLOCK:
            detail = _("Topic %(topic)s: agents publish /clock themselves, choose another name.")
            yield FieldError(pointer, detail % {"topic": topic}, "TOPIC_NAME_TAKEN")
        elif topic in names and published[with_slash(new)] > 1:
            detail = _("Topic %(topic)s: another topic is published as %(name)s, too.")
            detail %= {"topic": topic, "name": with_slash(new)}
            yield FieldError(pointer, detail, "TOPIC_NAME_TAKEN")
