"""The page "Quick run" of the console."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.choices import Role
from simulations.models import Execution, Mec, Simulation
from simulations.services.designs import mecs
from simulations.tests.conftest import Console
from storage.models import Rosbag
from templates.models import Template

URL = "/admin/simulations/simulation/quick-run/"


@pytest.fixture
def client(console: Console) -> Client:
    return console(Role.OPERATOR)


def values(rosbag: Rosbag, mec: Mec | None = None, **more: Any) -> dict[str, Any]:
    form = {"rosbag": rosbag.pk, "agents": 20, "rate": 1, "passes": 1, "record": "on", "key": "k"}
    return form | ({"mec": mec.pk} if mec else {}) | more


def test_starts_and_leads_to_the_execution(client: Client, rosbag: Rosbag, mec: Mec) -> None:
    answer = client.post(URL, values(rosbag, mec))
    execution = Execution.objects.get()
    assert answer["Location"] == reverse("admin:simulations_execution_change", args=[execution.pk])
    assert execution.simulation.name == "bag × 20"
    assert str(execution.requested_by) == "operator@example.org"


def test_a_double_click_is_one_run(client: Client, rosbag: Rosbag, mec: Mec) -> None:
    places = [client.post(URL, values(rosbag, mec))["Location"] for _ in range(2)]
    assert places[0] == places[1]
    assert Execution.objects.count() == 1
    client.post(URL, values(rosbag, mec, agents=3))  # the same page, other values
    assert Execution.objects.count() == 2


def test_proposes_the_mec_and_the_rosbag_of_the_link(
    client: Client, rosbag: Rosbag, mec: Mec
) -> None:
    form = client.get(f"{URL}?rosbag={rosbag.pk}").context["form"]
    assert (form["mec"].value(), form["agents"].value()) == (mec.pk, 20)
    text = client.get(f"{URL}?rosbag={rosbag.pk}").content.decode()
    assert f'<option value="{rosbag.pk}" selected>bag</option>' in text
    assert client.get(f"{URL}?rosbag=x").status_code == 200


def test_without_a_mec_it_is_a_dry_run(client: Client, rosbag: Rosbag) -> None:
    assert "No network: agents only count" in client.get(URL).content.decode()
    client.post(URL, values(rosbag))
    assert Mec.objects.get().slug == "dry-run"


@pytest.mark.parametrize(
    ("more", "field", "message"),
    [
        ({"agents": "0"}, "agents", "Give a number from 1"),
        ({"agents": "9" * 40}, "agents", "Give a number from 1"),
        ({"agents": ""}, "agents", "required"),
        ({"agents": "many"}, "agents", "Enter a whole number"),
        ({"rate": "-1"}, "rate", "Give 0, or a number"),
        ({"rate": "inf"}, "rate", "Enter a number"),
        ({"passes": "0"}, "passes", "Give a number from 1"),
        ({"rosbag": ""}, "rosbag", "required"),
        ({"rosbag": "1" * 30}, "rosbag", "There is no such rosbag"),
        ({"rosbag": "999999"}, "rosbag", "There is no such rosbag"),
        ({"mec": "999999"}, "mec", "Select a valid choice"),
    ],
)
def test_errors_are_shown_beside_their_field(
    client: Client, rosbag: Rosbag, mec: Mec, more: dict[str, Any], field: str, message: str
) -> None:
    answer = client.post(URL, values(rosbag) | {"mec": mec.pk} | more)
    assert answer.status_code == 200
    assert message in " ".join(answer.context["form"].errors[field])
    assert not Template.objects.exists()
    assert not Simulation.objects.exists()


def test_waits_for_a_rosbag_that_is_being_verified(
    client: Client, rosbag: Rosbag, mec: Mec
) -> None:
    Rosbag.objects.update(status="verifying")
    answer = client.post(URL, values(rosbag, mec, agents=7))
    text = answer.content.decode()
    assert 'data-waiting="1"' in text
    assert "starts by itself" in text
    assert 'value="7"' in text
    assert "errorlist" not in text
    refused = client.post(URL, values(rosbag, mec, agents=0)).content.decode()
    assert "data-waiting" not in refused


@pytest.mark.parametrize(
    ("change", "state", "text"),
    [
        ({"status": "verifying"}, "verifying", "starts by itself"),
        ({"status": "ready"}, "ready", "bag"),
        (
            {"status": "ready_with_warnings", "warnings": [{"code": "X", "text": "Odd."}]},
            "ready_with_warnings",
            "Odd.",
        ),
        ({"status": "rejected", "code": "X", "text": "No."}, "rejected", "No."),
    ],
)
def test_summary_while_it_waits(
    client: Client, rosbag: Rosbag, mec: Mec, change: dict[str, Any], state: str, text: str
) -> None:
    Rosbag.objects.update(**change)
    query = values(rosbag, mec) | {"waiting": "1"}
    answer = client.get(f"{URL}summary/", query).content.decode()
    assert f'data-state="{state}"' in answer
    assert text in answer


def test_summary_says_what_would_refuse_the_start(client: Client, rosbag: Rosbag, mec: Mec) -> None:
    rosbag.topics.update(message_count=0)
    query = values(rosbag, mec, rate="0")
    answer = client.get(f"{URL}summary/", query).content.decode()
    assert "no messages to play" in answer
    assert "As fast as possible" in answer


def test_a_deleted_rosbag_is_said(client: Client, rosbag: Rosbag, mec: Mec) -> None:
    Rosbag.objects.filter(pk=rosbag.pk).hide()
    answer = client.post(URL, values(rosbag, mec))
    assert "There is no such rosbag" in answer.content.decode()


def test_summary_says_what_will_happen(client: Client, rosbag: Rosbag, mec: Mec) -> None:
    answer = client.get(f"{URL}summary/", values(rosbag, mec, agents=100, passes=2, rate=2))
    assert "8,000" in answer.content.decode()
    assert "800" in client.get(f"{URL}?rosbag={rosbag.pk}").content.decode()
    topic = rosbag.topics.get()
    topic.pk, topic.name = None, "/a//b"
    topic.save()
    zenoh = mecs.ensure("z", name="z", transport="zenoh-raw", endpoint="tcp/127.0.0.1:7447")
    text = client.get(f"{URL}summary/", values(rosbag, zenoh)).content.decode()
    assert "/a//b" in text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_may_not_start_sees_none_of_it(console: Console, role: Role) -> None:
    client, may = console(role), role != Role.VIEWER
    assert (URL in client.get("/admin/").content.decode()) is may
    assert client.get(URL).status_code == (200 if may else 403)
    assert client.get(f"{URL}summary/").status_code == (200 if may else 403)
    assert client.post(URL).status_code == (200 if may else 403)
