"""The table of topics in the form of a template: the server searches, and what is chosen stays chosen."""

from typing import Any

import pytest
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from storage.models import Rosbag, RosbagTopic
from templates.admin.topic_table import TopicEntries
from templates.admin.topics import MAX_SHOWN, NOTHING, topic_table
from templates.services import templates

URL = "/admin/templates/template/topics/"


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return client


@pytest.fixture
def many(rosbag: Rosbag) -> Rosbag:
    RosbagTopic.objects.bulk_create(
        RosbagTopic(rosbag=rosbag, name=f"/t{n:05}", type="std_msgs/msg/String", message_count=1)
        for n in range(1500)
    )
    return rosbag


def only(*names: str) -> TopicEntries:
    return TopicEntries(is_all=False, played=names)


def names(table: Any) -> list[str]:
    return [row.name for row in table.rows]


def test_only_a_part_is_shown_and_the_rest_is_counted(many: Rosbag) -> None:
    table = topic_table(many.pk)
    assert len(table.rows) == MAX_SHOWN
    assert (table.total, table.unshown, table.hidden) == (1502, 1502 - MAX_SHOWN, [])


def test_search_finds_names_and_types_beyond_what_is_shown(many: Rosbag) -> None:
    assert names(topic_table(many.pk, NOTHING, "T0149")) == [f"/t0149{n}" for n in range(10)]
    assert names(topic_table(many.pk, NOTHING, "odometry")) == ["/odom"]
    assert topic_table(many.pk, NOTHING, "nowhere\0").rows == []


def test_chosen_topics_are_kept_whatever_is_shown(many: Rosbag) -> None:
    chosen = ["/t01400", "/odom", "/gone", "/odd\0"]
    table = topic_table(many.pk, only(*chosen))
    assert names(table)[:3] == ["/gone", "/odom", "/t01400"]
    table = topic_table(many.pk, only(*chosen), "odom")
    assert (names(table), [row.name for row in table.hidden]) == (["/gone", "/odom"], ["/t01400"])
    crowd = [f"/t{n:05}" for n in range(1000)]
    table = topic_table(many.pk, only(*crowd))
    assert sorted(row.name for row in [*table.rows, *table.hidden]) == crowd


def test_topics_that_cannot_be_played_are_counted(many: Rosbag) -> None:
    many.topics.filter(name="/imu").update(serialization_format="json")
    assert (topic_table(many.pk, NOTHING, "imu").rows, topic_table(many.pk).skipped) == (
        [],
        1,
    )


@pytest.mark.parametrize("rosbag_id", ["", "abc", "9" * 40, "999999"])
def test_no_rosbag(operator: Client, rosbag_id: str) -> None:
    answer = operator.post(URL, {"rosbag": rosbag_id})
    assert "Choose a rosbag" in answer.content.decode()
    assert operator.get(URL).status_code == 405


def test_the_fragment_says_what_a_reader_needs(operator: Client, rosbag: Rosbag) -> None:
    kind = "std_msgs/msg/String"
    profile = "- reliability: 1\n  durability: 1\n  history: 1\n  depth: 1"
    RosbagTopic.objects.create(
        rosbag=rosbag, name="/a//b", type=kind, message_count=7, offered_qos_profiles=profile
    )
    text = operator.post(URL, {"rosbag": rosbag.pk, "topics": ["/imu"]}).content.decode()
    assert "not over zenoh-raw" in text
    assert 'value="/imu" checked' in text
    Rosbag.objects.update(status="rejected")
    assert (
        "choose a rosbag that is ready"
        in operator.post(URL, {"rosbag": rosbag.pk}).content.decode()
    )


def test_a_form_with_many_chosen_topics_is_saved(operator: Client, many: Rosbag) -> None:
    chosen = [f"/t{n:05}" for n in range(500)]
    template = templates.create(name="many", rosbag=many, topics=chosen)
    text = operator.get(f"/admin/templates/template/{template.pk}/change/").content.decode()
    assert text.count('name="topics"') == 500
