"""Which values a template may have; every error is found in one go, with a pointer to its field."""

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from common.exceptions import FieldError
from storage.models import Rosbag
from templates.models import Template

LONGEST_NAME = 200
LONGEST_TOPIC = 255
MOST_TOPICS = 1000
TOPIC_NAME = re.compile(r"(/[A-Za-z_][A-Za-z0-9_]*)+")
TYPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(/(msg|srv|action))?/[A-Za-z][A-Za-z0-9_]*")


def field_errors(values: Mapping[str, Any], template: Template | None = None) -> list[FieldError]:
    """Errors of new values: a whole template, or changes to the one given."""
    found = [error for name, check in CHECKS.items() if name in values for error in check(values)]
    if "name" in values and not any(error.pointer == "/name" for error in found):
        found += _name_taken(values["name"], template)
    if "rosbag" in values or "topics" in values:
        rosbag = values.get("rosbag", template.rosbag if template else None)
        topics = values.get("topics", template.topics if template else [])
        found += _bag_errors(rosbag, topics)
    return found


def _name(values: Mapping[str, Any]) -> list[FieldError]:
    name = values["name"]
    if name.strip() and len(name) <= LONGEST_NAME and name.isprintable():
        return []
    detail = _("Give a name of 1 to %(most)d letters, in one line.") % {"most": LONGEST_NAME}
    return [FieldError("/name", detail, "NAME_INVALID")]


def _rate(values: Mapping[str, Any]) -> list[FieldError]:
    if math.isfinite(values["rate"]) and values["rate"] >= 0:
        return []
    detail = _("Give a rate of 0 (as fast as possible) or more, such as 1 for recorded speed.")
    return [FieldError("/rate", detail, "RATE_INVALID")]


def _record_topics(values: Mapping[str, Any]) -> list[FieldError]:
    wanted = values["record_topics"]
    found = _too_many("/record_topics", wanted)
    times = Counter(topic["name"] for topic in wanted)
    for index, topic in enumerate(wanted[:MOST_TOPICS]):
        at = f"/record_topics/{index}"
        if not is_topic_name(topic["name"]):
            detail = _("Name the topic as ROS does, such as /scan or /arm/joint_states.")
            found.append(FieldError(f"{at}/name", detail, "TOPIC_NAME_INVALID"))
        elif times[topic["name"]] > 1:
            found.append(FieldError(f"{at}/name", _("Name each topic once."), "TOPIC_REPEATED"))
        if not TYPE_NAME.fullmatch(topic["type"]) or len(topic["type"]) > LONGEST_TOPIC:
            detail = _("Name the type as ROS does, such as sensor_msgs/msg/LaserScan.")
            found.append(FieldError(f"{at}/type", detail, "TYPE_NAME_INVALID"))
    return found


CHECKS = {"name": _name, "rate": _rate, "record_topics": _record_topics}


def is_topic_name(name: str) -> bool:
    """Whether ROS takes it for an absolute topic name."""
    return len(name) <= LONGEST_TOPIC and TOPIC_NAME.fullmatch(name) is not None


def _too_many(pointer: str, topics: list[Any]) -> list[FieldError]:
    if len(topics) <= MOST_TOPICS:
        return []
    detail = _("Name at most %(most)d topics.") % {"most": MOST_TOPICS}
    return [FieldError(pointer, detail, "TOO_MANY_TOPICS")]


def _name_taken(name: str, template: Template | None) -> list[FieldError]:
    others = Template.objects.living().filter(name=name)
    if template is not None:
        others = others.exclude(pk=template.pk)
    return [name_taken()] if others.exists() else []


def name_taken() -> FieldError:
    """The error of a name that another living template has."""
    return FieldError("/name", _("Another template has this name: choose another."), "NAME_TAKEN")


def _bag_errors(rosbag: Rosbag | None, topics: list[str]) -> list[FieldError]:
    if rosbag is None or rosbag.deleted_at is not None:
        detail = _("There is no such rosbag: choose one of those that are ready.")
        return [FieldError("/rosbag", detail, "ROSBAG_NOT_FOUND")]
    if not rosbag.usable:
        detail = _("Rosbag %(name)s is not ready (%(status)s). %(sentence)s") % {
            "name": rosbag.name,
            "status": rosbag.get_status_display(),
            "sentence": rosbag.sentence,
        }
        return [FieldError("/rosbag", detail.strip(), "ROSBAG_NOT_READY")]
    return _too_many("/topics", topics) or _topic_errors(rosbag, topics)


def _topic_errors(rosbag: Rosbag, topics: list[str]) -> list[FieldError]:
    if not topics:
        return []
    held = set(rosbag.topics.values_list("name", flat=True))
    times = Counter(topics)
    found = []
    for index, topic in enumerate(topics):
        if topic not in held:
            detail = _("Rosbag %(name)s holds no topic %(topic)s: choose from its topics.")
            detail %= {"name": rosbag.name, "topic": topic}
            found.append(FieldError(f"/topics/{index}", detail, "TOPIC_NOT_IN_ROSBAG"))
        elif times[topic] > 1:
            found.append(
                FieldError(f"/topics/{index}", _("Name each topic once."), "TOPIC_REPEATED")
            )
    return found
