"""Tolerations of systems under test: by the API, in the console, and in their history."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from simulations.models import Mec
from simulations.tests.conftest import Console
from simulations.tests.test_console_mecs import URL, form

pytestmark = pytest.mark.django_db
API = "/api/v1/mecs"
ROBOTS = {"key": "example.org/robots", "operator": "Exists", "value": "", "effect": "NoSchedule"}
ALL = {"key": "", "operator": "Exists", "value": "", "effect": ""}


def test_they_are_stored_with_all_their_fields(admin: APIClient) -> None:
    body = {"slug": "lab", "name": "Lab", "tolerations": [ROBOTS, {"operator": "Exists"}]}
    made = admin.post(API, body).json()
    assert made["tolerations"] == [ROBOTS, ALL]
    changed = {"tolerations": [{"key": "gpu", "value": "yes"}]}
    answer = admin.patch(f"{API}/{made['id']}", changed)
    assert answer.json()["tolerations"] == [
        {"key": "gpu", "operator": "Equal", "value": "yes", "effect": ""}
    ]
    assert admin.patch(f"{API}/{made['id']}", {"name": "Hall"}).json()["tolerations"] != []


@pytest.mark.parametrize(
    ("toleration", "text"),
    [
        ({"key": "a b"}, "is not a valid key"),
        ({"key": "/a"}, "is not a valid key"),
        ({"key": "Example.org/a"}, "is not a valid key"),
        ({"key": ""}, "without a key the operator is Exists"),
        ({"key": "a", "value": "x y"}, "is not a valid value"),
        ({"key": "a", "operator": "Exists", "value": "x"}, "with Exists there is no value"),
    ],
)
def test_invalid_ones_are_refused_by_both_doors(
    admin: APIClient, console: Console, toleration: dict[str, str], text: str
) -> None:
    body = {"slug": "lab", "name": "Lab", "tolerations": [ROBOTS, toleration]}
    answer = admin.post(API, body)
    assert answer.status_code == 422, answer.content
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/tolerations"
    assert error["detail"].startswith("Toleration 2: ")
    assert text in error["detail"]
    values = form(tolerations=json.dumps([ROBOTS, toleration]))
    page = console(Role.ADMIN).post(f"{URL}add/", values)
    assert text in " ".join(page.context["adminform"].form.errors["tolerations"])
    assert not Mec.objects.exists()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("{", "Enter a valid JSON"),
        ('{"key": "a"}', "Write a list of tolerations"),
        ("[1]", "Write a list of tolerations"),
        ('[{"key": "a", "tolerationSeconds": 3}]', "it has no tolerationSeconds"),
        ('[{"key": "a", "operator": "In"}]', "the operator is Exists or Equal"),
        ('[{"key": "a", "effect": ["NoExecute"]}]', "the effect is NoSchedule"),
        ('[{"key": {}}]', "is not a valid key"),
        ('[{"key": "a", "value": null}]', "is not a valid value"),
        (json.dumps([ROBOTS] * 21), "Write at most 20 tolerations"),
    ],
)
def test_invalid_text_is_refused(console: Console, value: str, text: str) -> None:
    page = console(Role.ADMIN).post(f"{URL}add/", form(tolerations=value))
    assert text in " ".join(page.context["adminform"].form.errors["tolerations"])


def test_the_history_shows_what_changed(console: Console) -> None:
    client = console(Role.ADMIN)
    values = form(tolerations=json.dumps([ROBOTS]))
    assert client.post(f"{URL}add/", values).status_code == 302
    mec = Mec.objects.get()
    assert mec.tolerations == [ROBOTS]
    page = client.get(f"{URL}{mec.pk}/change/").content.decode()
    assert "example.org/robots" in page
    assert client.post(f"{URL}{mec.pk}/change/", form(tolerations="")).status_code == 302
    mec.refresh_from_db()
    assert mec.tolerations == []
    history = client.get(f"{URL}{mec.pk}/history/").content.decode().lower()
    assert "tolerations" in history


def test_the_longest_are_accepted(admin: APIClient) -> None:
    toleration: dict[str, Any] = {"key": f"{'a' * 253}/{'b' * 63}", "value": "c" * 63}
    body = {"slug": "lab", "name": "Lab", "tolerations": [toleration] * 20}
    assert admin.post(API, body).status_code == 201
    body["tolerations"] = [toleration] * 21
    answer = admin.post(API, body | {"slug": "other"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/tolerations")
