"""Mecs in the console: permissions, node selectors, and mecs in use."""

from typing import Any

import pytest
from django.test import Client

from accounts.choices import Role
from simulations.models import Mec
from simulations.tests.conftest import Console, Design

URL = "/admin/simulations/mec/"


def form(**values: Any) -> dict[str, Any]:
    fields = {"name": "Edge", "slug": "edge", "transport": "null", "discovery": "none"}
    return fields | {"domain_id": 0, "node_selector": "{}"} | values


def test_only_admins_change_mecs(console: Console, mec: Mec) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        client = console(role)
        assert client.get(URL).status_code == 200
        assert client.get(f"{URL}{mec.pk}/change/").status_code == 200
        assert client.post(f"{URL}add/", form()).status_code == 403
        assert client.post(f"{URL}{mec.pk}/change/", form()).status_code == 403
        client.post(URL, {"action": "delete_selected", "_selected_action": [mec.pk], "post": "yes"})
        assert client.post(f"{URL}{mec.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Mec.objects.get() == mec
    admin = console(Role.ADMIN)
    selector = '{"example.org/site": "north", "gpu": ""}'
    assert admin.post(f"{URL}add/", form(node_selector=selector)).status_code == 302
    created = Mec.objects.get(slug="edge")
    assert created.node_selector == {"example.org/site": "north", "gpu": ""}
    admin.post(URL, {"action": "delete_selected", "_selected_action": [created.pk], "post": "yes"})
    assert not Mec.objects.filter(slug="edge").exists()


@pytest.mark.parametrize(
    ("selector", "sentence"),
    [
        ("[1]", "Write labels with their values"),
        ('"x"', "Write labels with their values"),
        ('{"a b": "x"}', "is not a valid label of a node"),
        ('{"": "x"}', "is not a valid label of a node"),
        ('{"-/a": "x"}', "is not a valid label of a node"),
        ('{"a": 1}', "is not a valid value of a label"),
        ('{"a": "x y"}', "is not a valid value of a label"),
        ("{", "Enter a valid JSON"),
    ],
)
def test_invalid_node_selectors(console: Console, selector: str, sentence: str) -> None:
    answer = console(Role.ADMIN).post(f"{URL}add/", form(node_selector=selector))
    assert sentence in " ".join(answer.context["adminform"].form.errors["node_selector"])


def test_delete_page_names_simulations_that_use_mec(
    console: Console, mec: Mec, design: Design
) -> None:
    design(name="<b>yard</b>")
    admin: Client = console(Role.ADMIN)
    page = admin.get(f"{URL}{mec.pk}/delete/").content.decode()
    assert "&lt;b&gt;yard&lt;/b&gt;” uses this mec" in page
    assert f"simulation/?mec__id__exact={mec.pk}" in admin.get(URL).content.decode()
    assert admin.get(f"/admin/simulations/simulation/?mec__id__exact={mec.pk}").status_code == 200
