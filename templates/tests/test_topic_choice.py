"""Which topics of a rosbag a template plays, under which names, and how a choice is refused."""

from typing import Any

import pytest

from storage.models import Rosbag, RosbagTopic
from templates.exceptions import TemplateError
from templates.models import Template
from templates.services import templates
from templates.services.topic_choice import TopicChoice

CLOCK = {"name": "/clock", "type": "rosgraph_msgs/msg/Clock"}


def codes(caught: pytest.ExceptionInfo[TemplateError]) -> dict[str, str]:
    return {error.pointer: error.code for error in caught.value.errors}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"excluded_topics": ["/none"]}, {"/excluded_topics/0": "TOPIC_NOT_IN_ROSBAG"}),
        (
            {"excluded_topics": ["/imu", "/imu"]},
            {"/excluded_topics/0": "TOPIC_REPEATED", "/excluded_topics/1": "TOPIC_REPEATED"},
        ),
        (
            {"topics": ["/odom"], "excluded_topics": ["/odom"]},
            {"/excluded_topics": "TOPIC_IN_BOTH"},
        ),
        ({"excluded_topics": ["/odom", "/imu"]}, {"/excluded_topics": "NOTHING_TO_PLAY"}),
        (
            {"topics": ["/odom"], "required_subscribers": ["/imu", "/none"]},
            {
                "/required_subscribers/0": "TOPIC_NOT_PLAYED",
                "/required_subscribers/1": "TOPIC_NOT_IN_ROSBAG",
            },
        ),
        ({"renames": {"/none": "/a"}}, {"/renames/~1none": "TOPIC_NOT_IN_ROSBAG"}),
        ({"renames": {"/odom": "a b"}}, {"/renames/~1odom": "TOPIC_NAME_INVALID"}),
        ({"renames": {"/odom": ""}}, {"/renames/~1odom": "TOPIC_NAME_INVALID"}),
        ({"renames": {"/odom": "/" + "a" * 255}}, {"/renames/~1odom": "TOPIC_NAME_INVALID"}),
        ({"renames": {"/odom": "imu"}}, {"/renames/~1odom": "TOPIC_NAME_TAKEN"}),
        (
            {"renames": {"/odom": "/a", "/imu": "/a"}},
            {"/renames/~1odom": "TOPIC_NAME_TAKEN", "/renames/~1imu": "TOPIC_NAME_TAKEN"},
        ),
        ({"clock_hz": 10, "renames": {"/odom": "/clock"}}, {"/renames/~1odom": "TOPIC_NAME_TAKEN"}),
        (
            {"excluded_topics": ["/x"], "renames": {"/y": "/z"}, "rate": -1, "clock_hz": 5000},
            {
                "/excluded_topics/0": "TOPIC_NOT_IN_ROSBAG",
                "/renames/~1y": "TOPIC_NOT_IN_ROSBAG",
                "/rate": "RATE_INVALID",
                "/clock_hz": "CLOCK_RATE_INVALID",
            },
        ),
    ],
)
def test_errors_are_reported_together(
    rosbag: Rosbag, values: dict[str, Any], expected: dict[str, str]
) -> None:
    with pytest.raises(TemplateError) as caught:
        templates.create(name="Loader", rosbag=rosbag, **values)
    assert codes(caught) == expected


def test_topics_may_swap_their_names_or_take_that_of_one_not_played(rosbag: Rosbag) -> None:
    swapped = {"/odom": "/imu", "/imu": "/odom"}
    template = templates.create(name="swap", rosbag=rosbag, renames=swapped)
    renames = {"/odom": "imu"}
    template = templates.update(template, renames=renames, excluded_topics=["/imu"])
    assert (template.renames, template.version) == ({"/odom": "/imu"}, 2)


def test_a_rename_to_its_own_name_is_none(rosbag: Rosbag) -> None:
    template = templates.create(name="same", rosbag=rosbag, renames={"/odom": "odom"})
    assert template.renames == {}


def test_another_rosbag_must_have_what_the_template_names(rosbag: Rosbag) -> None:
    template = templates.create(
        name="t", rosbag=rosbag, excluded_topics=["/imu"], renames={"/odom": "/o"}
    )
    other = Rosbag.objects.create(name="other", status=rosbag.status)
    RosbagTopic.objects.create(rosbag=other, name="/scan", type="a/msg/B", message_count=1)
    with pytest.raises(TemplateError) as caught:
        templates.update(template, rosbag=other)
    assert codes(caught) == {
        "/excluded_topics/0": "TOPIC_NOT_IN_ROSBAG",
        "/renames/~1odom": "TOPIC_NOT_IN_ROSBAG",
    }


def test_the_clock_of_the_agents_replaces_a_recorded_one(rosbag: Rosbag) -> None:
    RosbagTopic.objects.create(rosbag=rosbag, message_count=9, **CLOCK)
    topics = ["/odom", "/imu", "/clock"]
    assert TopicChoice.of(Template(clock_hz=0)).played(topics) == ("/clock", "/imu", "/odom")
    assert TopicChoice.of(Template(clock_hz=10)).played(topics) == ("/imu", "/odom")
    with pytest.raises(TemplateError) as caught:
        templates.create(name="t", rosbag=rosbag, clock_hz=9, required_subscribers=["/clock"])
    assert codes(caught) == {"/required_subscribers/0": "TOPIC_NOT_PLAYED"}
    # Under another name it is an ordinary topic.
    other_name = Template(clock_hz=10, renames={"/clock": "/recorded_clock"})
    assert TopicChoice.of(other_name).played(topics) == ("/clock", "/imu", "/odom")
