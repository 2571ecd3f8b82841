"""Templates in the console."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.choices import Role
from accounts.models import User
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates

URL = "/admin/templates/template/"


@pytest.fixture
def console(db: None) -> Callable[[Role], Client]:
    def sign_in(role: Role) -> Client:
        client = Client()
        client.force_login(User.objects.get_or_create(email=f"{role}@example.org", role=role)[0])
        return client

    return sign_in


@pytest.fixture
def operator(console: Callable[[Role], Client]) -> Client:
    return console(Role.OPERATOR)


def form(bag: Rosbag, **values: Any) -> dict[str, Any]:
    return {"name": "Loader", "rosbag": bag.pk, "rate": "1"} | values


def page(template: Template) -> str:
    return f"{URL}{template.pk}/change/"


def test_create_and_change(operator: Client, rosbag: Rosbag) -> None:
    values = {"topics": ["/odom"], "record_own": "on", "record_topics": "/scan  a/msg/B\n\n/x a/B"}
    answer = operator.post(f"{URL}add/", form(rosbag, **values))
    assert answer.status_code == 302, answer.content.decode()
    template = Template.objects.get()
    assert (template.version, template.topics, str(template.created_by)) == (
        1,
        ["/odom"],
        "operator@example.org",
    )
    assert template.record_topics == [
        {"name": "/scan", "type": "a/msg/B"},
        {"name": "/x", "type": "a/B"},
    ]
    changes = form(rosbag, rate="2", max_gap_seconds="1.5", unsupported_topics="leave_out")
    assert operator.post(page(template), changes).status_code == 302
    template.refresh_from_db()
    assert template.unsupported_topics == "leave_out"
    assert (template.version, template.rate, template.record_own) == (2, 2, False)
    assert template.max_gap_seconds == 1.5
    assert operator.post(page(template), form(rosbag)).status_code == 302
    template.refresh_from_db()
    assert (template.version, template.max_gap_seconds) == (3, None)
    assert (template.topics, template.record_topics) == ([], [])


def test_resources_are_folded_until_they_are_set(operator: Client, rosbag: Rosbag) -> None:
    def resources() -> str:
        text = operator.get(page(template)).content.decode()
        return text.rpartition("<fieldset")[2].partition("</fieldset>")[0]

    template = templates.create(name="Loader", rosbag=rosbag)
    assert "<details>" in resources()
    values = form(rosbag, agent_cpu="25", agent_memory="4", agent_memory_limit="9")
    assert operator.post(page(template), values).status_code == 302
    template.refresh_from_db()
    stored = (template.agent_cpu, template.agent_cpu_limit, template.agent_memory_limit)
    assert stored == (25, None, 9)
    assert "<details>" not in resources()
    assert "this for each of its agents" in resources()


def test_topics_are_chosen_from_those_of_the_rosbag(operator: Client, rosbag: Rosbag) -> None:
    template = templates.create(name="t", rosbag=rosbag, topics=["/odom"])
    text = operator.get(page(template)).content.decode()
    assert "sensor_msgs/msg/Imu" in text
    assert text.count('name="topics"') == 2
    assert text.count('name="topics" value="/odom" checked') == 1
    assert "checked" not in text.partition('value="/imu"')[2].partition(">")[0]
    rosbag.topics.filter(name="/odom").delete()
    assert "not in this rosbag" in operator.get(page(template)).content.decode()


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"topics": ["/none"]}, "topics", "has no topic /none"),
        ({"record_topics": "/scan"}, "record_topics", "Line 1: write a name and a type"),
        ({"record_topics": "/1 a/msg/B"}, "record_topics", "Give a ROS topic name"),
        ({"record_topics": "/a a/B\n/a a/B"}, "record_topics", "List each topic once"),
        ({"rate": "-1"}, "rate", "Give 0, or a number from 0.001 to 1,000."),
        ({"rate": "1e-310"}, "rate", "Give 0, or a number from 0.001 to 1,000."),
        ({"rate": "1e400"}, "rate", "Enter a number"),
        ({"rate": "inf"}, "rate", "Enter a number"),
        ({"max_gap_seconds": "0"}, "max_gap_seconds", "Give a number from 0.001 to 31,622,400."),
        ({"max_gap_seconds": "-inf"}, "max_gap_seconds", "Enter a number"),
        ({"rosbag": ""}, "rosbag", "required"),
        ({"rosbag": "1" * 30}, "rosbag", "not one of the available choices"),
        ({"name": "taken"}, "name", "Another template has this name"),
        ({"agent_cpu": "0"}, "agent_cpu", "Give a number from 1 to 64,000."),
        ({"agent_memory": "1.5"}, "agent_memory", "Enter a whole number."),
        (
            {"agent_memory": "9", "agent_memory_limit": "8"},
            "agent_memory_limit",
            "The limit is below what is reserved: give at least 9, or nothing.",
        ),
    ],
)
def test_errors_are_shown_at_their_field(
    operator: Client, rosbag: Rosbag, values: dict[str, Any], field: str, sentence: str
) -> None:
    templates.create(name="taken", rosbag=rosbag)
    answer = operator.post(f"{URL}add/", form(rosbag, **values))
    assert answer.status_code == 200
    assert sentence in " ".join(answer.context["adminform"].form.errors[field])
    assert Template.objects.count() == 1


def test_name_taken_between_validation_and_save(
    operator: Client, rosbag: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = templates.field_errors

    def then_taken(*args: Any) -> Any:
        monkeypatch.setattr(templates, "field_errors", checked)
        templates.create(name="Loader", rosbag=rosbag)  # by somebody else, just now
        return checked(*args)

    monkeypatch.setattr(templates, "field_errors", then_taken)
    answer = operator.post(f"{URL}add/", form(rosbag, description="still here"))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["name"] == [
        "Another template has this name: choose another."
    ]
    assert "still here" in answer.content.decode()


def test_topics_that_are_skipped_make_no_pass_longer(operator: Client, rosbag: Rosbag) -> None:
    rosbag.topics.filter(name="/odom").update(first_ns=0, last_ns=3 * 10**9)
    rosbag.topics.filter(name="/imu").update(
        serialization_format="json", first_ns=0, last_ns=60 * 10**9
    )
    template = templates.create(name="t", rosbag=rosbag)
    assert "3.0 s" in operator.get(page(template)).content.decode()


def test_length_of_a_pass(operator: Client, rosbag: Rosbag) -> None:
    times = {"first_ns": 0, "last_ns": 60 * 10**9, "period_ns": 10**9}
    gap = [10 * 10**9, 50 * 10**9]
    rosbag.topics.filter(name="/odom").update(**times, gap_count=1, gaps=[gap], message_count=22)
    template = templates.create(name="t", rosbag=rosbag, rate=2)
    assert "30 s" in operator.get(page(template)).content.decode()
    templates.update(template, max_gap_seconds=5)
    assert "12 s; 35 s of recorded gaps" in operator.get(page(template)).content.decode()
    templates.update(template, max_gap_seconds=0.5)
    assert "at most 10 s" in operator.get(page(template)).content.decode()
    templates.update(template, rate=0)
    assert "as fast as possible" in operator.get(page(template)).content.decode()


def queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as parameters:
        assert client.get(address).status_code == 200
    return len(parameters)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER])
def test_query_count_is_independent_of_rows(
    console: Callable[[Role], Client], role: Role, rosbag: Rosbag
) -> None:
    client = console(role)
    first = templates.create(name="first", rosbag=rosbag)
    few = [queries(client, address) for address in (URL, page(first))]
    for number in range(30):
        templates.create(name=f"t{number}", rosbag=rosbag)
    many = [queries(client, address) for address in (URL, page(first))]
    assert many == few
    assert max(many) <= 13


def test_deleting_hides(operator: Client, rosbag: Rosbag) -> None:
    one = templates.create(name="one", rosbag=rosbag)
    two = templates.create(name="two", rosbag=rosbag)
    operator.post(f"{URL}{one.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [two.pk], "post": "yes"}
    operator.post(URL, chosen)
    assert Template.objects.count() == 2
    assert not Template.objects.living().exists()


def test_restore_action_restores_or_shows_the_error(operator: Client, rosbag: Rosbag) -> None:
    deleted_template = templates.create(name="gone", rosbag=rosbag)
    templates.delete(deleted_template)
    assert ">deleted_template<" not in operator.get(URL).content.decode()
    deleted = f"{URL}?deleted=yes"
    assert "gone" in operator.get(deleted).content.decode()
    chosen = {"action": "restore", "_selected_action": [deleted_template.pk]}
    same_name = templates.create(name="gone", rosbag=rosbag)
    answer = operator.post(deleted, chosen, follow=True)
    assert "Another template has this name" in answer.content.decode()
    templates.delete(same_name)
    assert "1 template was restored" in operator.post(deleted, chosen, follow=True).content.decode()
    deleted_template.refresh_from_db()
    assert deleted_template.deleted_at is None


def test_restore_button_of_a_deleted_template(operator: Client, rosbag: Rosbag) -> None:
    deleted_template = templates.create(name="gone", rosbag=rosbag)
    templates.delete(deleted_template)
    text = operator.get(page(deleted_template)).content.decode()
    assert f"{URL}{deleted_template.pk}/act/restore/" in text
    assert "_save" not in text
    assert operator.get(f"{URL}{deleted_template.pk}/act/restore/").status_code == 405
    assert operator.post(f"{URL}{deleted_template.pk}/act/restore/").status_code == 302
    assert Template.objects.living().filter(pk=deleted_template.pk).exists()


@pytest.mark.parametrize(
    ("role", "may"), [(Role.VIEWER, False), (Role.OPERATOR, True), (Role.ADMIN, True)]
)
def test_permissions(
    console: Callable[[Role], Client], rosbag: Rosbag, role: Role, may: bool
) -> None:
    client = console(role)
    living, deleted_template = (
        templates.create(name=name, rosbag=rosbag) for name in ("living", "gone")
    )
    templates.delete(deleted_template)
    chosen = {"_selected_action": [deleted_template.pk], "action": "restore"}
    client.post(f"{URL}?deleted=yes", chosen)
    assert Template.objects.living().filter(pk=deleted_template.pk).exists() is may
    chosen = {"_selected_action": [living.pk], "action": "delete_selected", "post": "yes"}
    client.post(URL, chosen)
    assert Template.objects.living().filter(pk=living.pk).exists() is not may
    assert client.post(f"{URL}add/", form(rosbag)).status_code == (302 if may else 403)
    assert client.post(f"{URL}{deleted_template.pk}/act/restore/").status_code == (
        302 if may else 403
    )


def test_names_are_escaped(operator: Client, rosbag: Rosbag) -> None:
    evil = "<script>alert(1)</script>"
    Rosbag.objects.filter(pk=rosbag.pk).update(name=evil)
    template = templates.create(name=evil, rosbag=rosbag)
    for address in (URL, page(template), f"{URL}{template.pk}/delete/"):
        text = operator.get(address).content.decode()
        assert evil not in text
        assert "&lt;script&gt;alert(1)" in text


def test_autocomplete_leaves_out_deleted_templates(operator: Client, rosbag: Rosbag) -> None:
    templates.create(name="living", rosbag=rosbag)
    templates.delete(templates.create(name="gone", rosbag=rosbag))
    parameters = {"app_label": "simulations", "model_name": "stage", "field_name": "template"}
    results = operator.get("/admin/autocomplete/", parameters).json()["results"]
    assert [item["text"] for item in results] == ["living"]


@pytest.mark.parametrize("text", ["abc", "%00", "-1", "9" * 60])
def test_ids_that_no_row_can_have(operator: Client, text: str) -> None:
    assert operator.get(f"{URL}add/?rosbag={text}").status_code == 200
    assert operator.post(f"{URL}add/", {"name": "Loader", "rosbag": text}).status_code == 200
    answer = operator.get(f"{URL}?rosbag={text}", follow=True)
    assert answer.status_code == 200


@pytest.mark.parametrize("query", [f"created_at__year={9**50}", "created_at__year=0"])
def test_numbers_out_of_range_are_refused(operator: Client, query: str) -> None:
    answer = operator.get(f"{URL}?{query}", follow=True)
    assert answer.status_code == 200
