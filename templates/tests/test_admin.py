"""Templates in the console."""

from typing import Any

import pytest
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates

URL = "/admin/templates/template/"


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return client


def form(bag: Rosbag, **values: Any) -> dict[str, Any]:
    usual = {
        "name": "Loader",
        "rosbag": bag.pk,
        "rate": "1",
        "topics": "[]",
        "record_topics": "[]",
    }
    return usual | values


def test_made_and_changed_by_the_service(operator: Client, rosbag: Rosbag) -> None:
    answer = operator.post(f"{URL}add/", form(rosbag, topics='["/odom"]', record_own="on"))
    assert answer.status_code == 302
    template = Template.objects.get()
    assert (template.version, template.topics, str(template.created_by)) == (
        1,
        ["/odom"],
        "o@example.org",
    )
    answer = operator.post(f"{URL}{template.pk}/change/", form(rosbag, rate="2"))
    assert answer.status_code == 302
    template.refresh_from_db()
    assert (template.version, template.rate, template.record_own) == (2, 2, False)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"topics": '["/none"]'}, "holds no topic /none"),
        ({"topics": '{"a": 1}'}, "Write a list such as"),
        ({"topics": "[1]"}, "Write a list such as"),
        ({"record_topics": '["/scan"]'}, "Write a list such as"),
        ({"record_topics": '[{"name": "/1", "type": "a/msg/B"}]'}, "Name the topic as ROS does"),
        ({"rate": "-1"}, "Give a rate of 0"),
        ({"rate": "inf"}, "Enter a number"),
        ({"rosbag": ""}, "required"),
    ],
)
def test_faults_are_shown_at_their_field(
    operator: Client, rosbag: Rosbag, values: dict[str, str], sentence: str
) -> None:
    answer = operator.post(f"{URL}add/", form(rosbag, **values))
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not Template.objects.exists()


def test_a_list_costs_the_same_however_long(
    operator: Client, rosbag: Rosbag, django_assert_num_queries: Any
) -> None:
    templates.create(name="first", rosbag=rosbag)
    operator.get(URL)
    with django_assert_num_queries(4):  # session, user, count, rows with their rosbags
        operator.get(URL)
    for number in range(10):
        templates.create(name=f"t{number}", rosbag=rosbag)
    with django_assert_num_queries(4):
        assert operator.get(URL).status_code == 200


def test_deleting_hides(operator: Client, rosbag: Rosbag) -> None:
    one = templates.create(name="one", rosbag=rosbag)
    two = templates.create(name="two", rosbag=rosbag)
    operator.post(f"{URL}{one.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [two.pk], "post": "yes"}
    operator.post(URL, chosen)
    assert Template.objects.count() == 2
    assert not Template.objects.living().exists()


def test_a_deleted_template_is_restored_or_says_why_not(operator: Client, rosbag: Rosbag) -> None:
    gone = templates.create(name="gone", rosbag=rosbag)
    templates.delete(gone)
    assert ">gone<" not in operator.get(URL).content.decode()
    deleted = f"{URL}?deleted=yes"
    assert "gone" in operator.get(deleted).content.decode()
    chosen = {"action": "restore", "_selected_action": [gone.pk]}
    same_name = templates.create(name="gone", rosbag=rosbag)
    answer = operator.post(deleted, chosen, follow=True)
    assert "Another template has this name" in answer.content.decode()
    templates.delete(same_name)
    assert "1 template is restored" in operator.post(deleted, chosen, follow=True).content.decode()
    gone.refresh_from_db()
    assert gone.deleted_at is None


def test_a_name_that_is_taken_between_check_and_save(
    operator: Client, rosbag: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = templates.faults

    def then_taken(*args: Any) -> Any:
        monkeypatch.setattr(templates, "faults", checked)
        templates.create(name="Loader", rosbag=rosbag)  # by somebody else, just now
        return checked(*args)

    monkeypatch.setattr(templates, "faults", then_taken)
    answer = operator.post(f"{URL}add/", form(rosbag), follow=True)
    page = answer.content.decode()
    assert "Another template has this name" in page
    assert "was added successfully" not in page
