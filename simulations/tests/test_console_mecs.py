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
    fields |= {"zenoh_mode": "client", "attachment": "binary", "domain_id": "0"}
    return fields | {"node_selector": "{}"} | values


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
    assert "&lt;b&gt;yard&lt;/b&gt;” uses this system under test" in page
    assert f"simulation/?mec__id__exact={mec.pk}" in admin.get(URL).content.decode()
    assert admin.get(f"/admin/simulations/simulation/?mec__id__exact={mec.pk}").status_code == 200


def test_form_keeps_what_the_transport_uses(console: Console) -> None:
    admin = console(Role.ADMIN)
    written = {
        "endpoint": "tcp/192.0.2.7:7447",
        "addresses": "192.0.2.7\n robot.example ",
        "secret": "lab",
    }
    ros2 = form(transport="ros2", discovery="peers", domain_id="7", **written)
    assert admin.post(f"{URL}add/", ros2).status_code == 302
    mec = Mec.objects.get(slug="edge")
    assert (mec.endpoint, mec.secret) == ("", "")
    assert mec.addresses == ["192.0.2.7", "robot.example"]
    page = admin.get(f"{URL}{mec.pk}/change/").content.decode()
    assert "192.0.2.7\nrobot.example</textarea>" in page
    zenoh = form(transport="zenoh", zenoh_mode="peer", attachment="keyed", **written)
    assert admin.post(f"{URL}{mec.pk}/change/", zenoh).status_code == 302
    mec.refresh_from_db()
    assert (mec.endpoint, mec.secret, mec.addresses) == ("tcp/192.0.2.7:7447", "lab", [])


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"transport": "ros2"}, "discovery", "reach nobody"),
        ({"transport": "ros2", "discovery": "peers"}, "addresses", "Write the addresses"),
        ({"transport": "ros2", "discovery": "peers", "addresses": "a b/c"}, "addresses", "b/c"),
        ({"transport": "zenoh", "endpoint": "tcp/a:1", "secret": "../x"}, "secret", "no path"),
    ],
)
def test_form_shows_errors_of_a_link_beside_their_field(
    console: Console, values: dict[str, str], field: str, sentence: str
) -> None:
    answer = console(Role.ADMIN).post(f"{URL}add/", form(**values))
    assert sentence in " ".join(answer.context["adminform"].form.errors[field])
