"""The form of a template: what is set for topics, times, recordings and definitions."""

from typing import Any

import pytest
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from storage.models import Rosbag, RosbagTopic
from templates.models import Template
from templates.services import templates

URL = "/admin/templates/template/"


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return client


def form(bag: Rosbag, **values: Any) -> dict[str, Any]:
    return {"name": "Loader", "rosbag": bag.pk, "rate": "1"} | values


def table(*ticked: str, mode: str = "all", **renames: str) -> dict[str, Any]:
    shown = {"rename:/odom": "", "rename:/imu": ""}
    changed = {f"rename:/{topic}": name for topic, name in renames.items()}
    return {"topics_mode": mode, "topics": ticked} | shown | changed


def saved(client: Client, values: dict[str, Any]) -> Template:
    answer = client.post(f"{URL}add/", values)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    return Template.objects.get()


def test_unticked_topics_are_left_out_of_all(operator: Client, rosbag: Rosbag) -> None:
    values = table("/odom", odom="/wheel/odom") | {"required_subscribers": ["/odom"]}
    template = saved(operator, form(rosbag, **values))
    assert (template.topics, template.excluded_topics) == ([], ["/imu"])
    assert template.renames == {"/odom": "/wheel/odom"}
    assert template.required_subscribers == ["/odom"]
    page = operator.get(f"{URL}{template.pk}/change/").content.decode()
    assert 'name="topics" value="/odom" checked' in page
    assert 'name="topics" value="/imu">' in page
    assert 'name="rename:/odom" value="/wheel/odom"' in page


def test_only_ticked_topics(operator: Client, rosbag: Rosbag) -> None:
    template = saved(operator, form(rosbag, **table("/imu", mode="only")))
    assert (template.topics, template.excluded_topics) == (["/imu"], [])


def test_topics_without_a_row_keep_what_is_set(operator: Client, rosbag: Rosbag) -> None:
    hidden = {"excluded_topics": ["/t1"], "rename:/t2": "/two"}
    RosbagTopic.objects.bulk_create(
        RosbagTopic(rosbag=rosbag, name=name, type="a/msg/B", message_count=1)
        for name in ("/t1", "/t2")
    )
    template = saved(operator, form(rosbag, **(table("/odom", "/imu", "/t2") | hidden)))
    assert (template.excluded_topics, template.renames) == (["/t1"], {"/t2": "/two"})
    search = table("/odom", "/imu", "/t2") | hidden | {"rosbag": rosbag.pk, "search": "odom"}
    fragment = operator.post(f"{URL}topics/", search).content.decode()
    assert '<input type="hidden" name="excluded_topics" value="/t1">' in fragment
    assert '<input type="hidden" name="rename:/t2" value="/two">' in fragment
    assert '<input type="hidden" name="topics" value="/t2">' in fragment


def test_another_rosbag_forgets_topics_that_are_only_left_out(
    operator: Client, rosbag: Rosbag
) -> None:
    other = Rosbag.objects.create(name="other", status=rosbag.status)
    RosbagTopic.objects.create(rosbag=other, name="/scan", type="a/msg/B", message_count=1)
    values = table(odom="/o") | {"rosbag": other.pk}
    fragment = operator.post(f"{URL}topics/", values).content.decode()
    assert "/imu" not in fragment
    assert fragment.count("not in this rosbag") == 1  # /odom has another name


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        (table("/odom", odom="a b"), "topics", "Topic /odom: give a ROS topic name"),
        (table("/odom", "/imu", odom="imu"), "topics", "another topic is published as /imu"),
        (table(mode="only"), "topics", "Tick a topic"),
        (table(), "topics", "Leave a topic to play"),
        (table("/odom") | {"required_subscribers": ["/imu"]}, "topics", "/imu is not played"),
        ({"start_offset": "-1"}, "start_offset", "Give a number from 0"),
        ({"start_offset": "5", "end_offset": "4"}, "end_offset", "The end must be later"),
        ({"clock_hz": "10", "rate": "0"}, "clock_hz", "Without pacing"),
        ({"definitions": "int32 a"}, "definitions", "Line 1: begin with the type"),
        (
            {"definitions": "MSG: a/msg/B\nMSG: a/msg/B"},
            "definitions",
            "Line 2: a/msg/B is defined twice",
        ),
    ],
)
def test_errors_are_shown_at_their_field(
    operator: Client, rosbag: Rosbag, values: dict[str, Any], field: str, sentence: str
) -> None:
    answer = operator.post(f"{URL}add/", form(rosbag, **values))
    assert answer.status_code == 200
    assert sentence in " ".join(answer.context["adminform"].form.errors[field])


def test_definitions_and_numbers(operator: Client, rosbag: Rosbag) -> None:
    text = f"MSG: my_msgs/msg/Status\r\nint32 code\r\n{'=' * 80}\r\nMSG: my_msgs/msg/Part\nbool a\n"
    values = {"definitions": text, "pass_gap": "2.5", "match_seconds": "", "restamp": "on"}
    template = saved(operator, form(rosbag, **values, record_scope="agent"))
    assert template.definitions == {
        "my_msgs/msg/Status": "int32 code\n",
        "my_msgs/msg/Part": "bool a\n",
    }
    assert (template.pass_gap, template.match_seconds, template.restamp) == (2.5, 30, True)
    assert (template.record_scope, template.record_storage) == ("agent", "mcap")
    answer = operator.get(f"{URL}{template.pk}/change/")
    page = answer.content.decode()
    assert "MSG: my_msgs/msg/Part\nbool a\n" in page
    folds = [fieldset.classes for fieldset in answer.context["adminform"]]
    assert folds.count("collapse") == 2  # "Start" and "Resources" are as in every template


def test_viewers_read_what_is_set(operator: Client, rosbag: Rosbag) -> None:
    template = templates.create(
        name="t",
        rosbag=rosbag,
        excluded_topics=["/imu"],
        renames={"/odom": "/o"},
        required_subscribers=["/odom"],
        definitions={},
    )
    client = Client()
    client.force_login(User.objects.create(email="v@example.org", role=Role.VIEWER))
    page = client.get(f"{URL}{template.pk}/change/").content.decode()
    for text in ("all topics but /imu", "/odom → /o", "/odom needs a subscriber"):
        assert text in page
    assert "all topics but 1" in client.get(URL).content.decode()
