"""Validation of templates; all errors are reported together, with pointers to their fields."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from common.bounds import Bounds
from common.exceptions import FieldError
from storage.models import Rosbag, RosbagTopic
from templates.models import Template

MAX_NAME_LENGTH = 200
MAX_TOPIC_LENGTH = 255
MAX_TOPICS = 1000
RATE = Bounds(0.001, 1000, or_zero=True)
"""Factor on recorded time; 0: as fast as possible."""
MAX_GAP = Bounds(0.001, 366 * 86400.0)
"""Seconds of recorded time without a message."""
TOPIC_NAME = re.compile(r"(/[A-Za-z_][A-Za-z0-9_]*)+")
TYPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(/(msg|srv|action))?/[A-Za-z][A-Za-z0-9_]*")


def field_errors(values: Mapping[str, Any], template: Template | None = None) -> list[FieldError]:
    """Validate the values of a new template, or changes of an existing one."""
    errors = [error for name, check in CHECKS.items() if name in values for error in check(values)]
    if "name" in values and not any(error.pointer == "/name" for error in errors):
        errors += _name_taken(values["name"], template)
    rosbag = values.get("rosbag", template.rosbag if template else None)
    if "record_topics" in values:
        errors += _record_topics(rosbag, values["record_topics"])
    if "rosbag" in values or "topics" in values:
        topics = values.get("topics", template.topics if template else [])
        errors += _bag_errors(rosbag, topics)
    return errors


def _name(values: Mapping[str, Any]) -> list[FieldError]:
    name = values["name"]
    if name.strip() and len(name) <= MAX_NAME_LENGTH and name.isprintable():
        return []
    detail = _("Give a name of 1 to %(max)d characters, on one line.") % {"max": MAX_NAME_LENGTH}
    return [FieldError("/name", detail, "NAME_INVALID")]


def _rate(values: Mapping[str, Any]) -> list[FieldError]:
    return (
        [] if RATE.accept(values["rate"]) else [FieldError("/rate", RATE.message, "RATE_INVALID")]
    )


def _max_gap(values: Mapping[str, Any]) -> list[FieldError]:
    seconds = values["max_gap_seconds"]
    if seconds is None or MAX_GAP.accept(seconds):
        return []
    return [FieldError("/max_gap_seconds", MAX_GAP.message, "MAX_GAP_INVALID")]


def _record_topics(rosbag: Rosbag | None, topics: list[Any]) -> list[FieldError]:
    errors = _too_many("/record_topics", topics)
    counts = Counter(topic["name"] for topic in topics)
    # What agents play they can record too, whatever its name is.
    odd = {name for name in counts if not is_topic_name(name)}
    names = _topics_by_name(rosbag) if odd and rosbag else ()
    unknown = odd - {f"/{name.removeprefix('/')}" for name in names}
    for index, topic in enumerate(topics[:MAX_TOPICS]):
        pointer = f"/record_topics/{index}"
        if topic["name"] in unknown:
            detail = _(
                "Give a ROS topic name, such as /scan or /arm/joint_states, or a topic of the rosbag."
            )
            errors.append(FieldError(f"{pointer}/name", detail, "TOPIC_NAME_INVALID"))
        elif counts[topic["name"]] > 1:
            errors.append(
                FieldError(f"{pointer}/name", _("List each topic once."), "TOPIC_REPEATED")
            )
        if not TYPE_NAME.fullmatch(topic["type"]) or len(topic["type"]) > MAX_TOPIC_LENGTH:
            detail = _("Give a ROS message type, such as sensor_msgs/msg/LaserScan.")
            errors.append(FieldError(f"{pointer}/type", detail, "TYPE_NAME_INVALID"))
    return errors


CHECKS = {"name": _name, "rate": _rate, "max_gap_seconds": _max_gap}


def is_topic_name(name: str) -> bool:
    """Check that a name is an absolute ROS topic name."""
    return len(name) <= MAX_TOPIC_LENGTH and TOPIC_NAME.fullmatch(name) is not None


def _too_many(pointer: str, topics: list[Any]) -> list[FieldError]:
    if len(topics) <= MAX_TOPICS:
        return []
    detail = _("Choose at most %(max)d topics.") % {"max": MAX_TOPICS}
    return [FieldError(pointer, detail, "TOO_MANY_TOPICS")]


def _name_taken(name: str, template: Template | None) -> list[FieldError]:
    others = Template.objects.living().filter(name=name)
    if template is not None:
        others = others.exclude(pk=template.pk)
    return [name_taken_error()] if others.exists() else []


def name_taken_error() -> FieldError:
    """The error for a name that another template has."""
    return FieldError("/name", _("Another template has this name: choose another."), "NAME_TAKEN")


def _bag_errors(rosbag: Rosbag | None, topics: list[str]) -> list[FieldError]:
    if rosbag is None or rosbag.deleted_at is not None:
        detail = _("There is no such rosbag: choose one that is ready.")
        return [FieldError("/rosbag", detail, "ROSBAG_NOT_FOUND")]
    if not rosbag.usable:
        detail = _("Rosbag %(name)s is not ready (%(status)s). %(sentence)s") % {
            "name": rosbag.name,
            "status": rosbag.get_status_display(),
            "sentence": rosbag.sentence,
        }
        return [FieldError("/rosbag", detail.strip(), "ROSBAG_NOT_READY")]
    return _too_many("/topics", topics) or _topic_errors(rosbag, topics)


def _topics_by_name(rosbag: Rosbag) -> dict[str, RosbagTopic]:
    return {topic.name: topic for topic in rosbag.topics.only("name", "serialization_format")}


def _topic_errors(rosbag: Rosbag, topics: list[str]) -> list[FieldError]:
    if not topics:
        return []
    by_name = _topics_by_name(rosbag)
    counts = Counter(topics)
    errors = []
    for index, topic in enumerate(topics):
        if topic not in by_name:
            detail = _("Rosbag %(name)s has no topic %(topic)s: choose from its topics.")
            detail %= {"name": rosbag.name, "topic": topic}
            errors.append(FieldError(f"/topics/{index}", detail, "TOPIC_NOT_IN_ROSBAG"))
        elif not by_name[topic].playable:
            detail = _(
                "Topic %(topic)s is serialized as %(format)s and cannot be played: leave it out."
            )
            detail %= {"topic": topic, "format": by_name[topic].serialization_format}
            errors.append(FieldError(f"/topics/{index}", detail, "TOPIC_NOT_PLAYABLE"))
        elif counts[topic] > 1:
            errors.append(
                FieldError(f"/topics/{index}", _("List each topic once."), "TOPIC_REPEATED")
            )
    return errors
