"""Mecs take only endpoints that an agent could use."""

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from simulations.exceptions import MecInvalidError
from simulations.models import Mec
from simulations.services.designs import mecs

pytestmark = pytest.mark.django_db
API = "/api/v1/mecs"


@pytest.mark.parametrize(
    "endpoint", ["", "tcp/192.0.2.7:7447", "udp/[::1]:1", "tls/site-1.example:65535"]
)
def test_endpoints_of_zenoh_are_taken(admin: APIClient, endpoint: str) -> None:
    body = {"slug": "lab", "name": "Lab", "transport": "zenoh-raw", "endpoint": endpoint}
    body["discovery"] = "multicast"  # used where there is no endpoint
    answer = admin.post(API, body)
    assert answer.status_code == 201, answer.content


@pytest.mark.parametrize(
    "endpoint", ["http://x", "tcp/192.0.2.7", "tcp/192.0.2.7:99999", "tcp/host:0", "192.0.2.7:7447"]
)
def test_others_are_refused_with_an_example(admin: APIClient, endpoint: str) -> None:
    answer = admin.post(API, {"slug": "lab", "name": "Lab", "endpoint": endpoint})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/endpoint"
    assert "tcp/192.0.2.7:7447" in error["detail"]


ROS2 = {"transport": "ros2", "discovery": "peers", "addresses": ["192.0.2.7", "robot-1.example"]}
SERVER = {"transport": "ros2", "discovery": "server", "addresses": ["192.0.2.7:11811", "[::1]:1"]}
PEER = {
    "transport": "zenoh",
    "endpoint": "quic/a.example:7447",
    "zenoh_mode": "peer",
    "secret": "a.b-1",
}
ALONE = {"transport": "zenoh", "discovery": "multicast", "attachment": "keyed", "domain_id": 7}


@pytest.mark.parametrize("values", [ROS2, SERVER, PEER, ALONE])
def test_links_to_ros_2_are_taken_as_they_are(admin: APIClient, values: dict[str, Any]) -> None:
    answer = admin.post(API, {"slug": "lab", "name": "Lab", **values})
    assert answer.status_code == 201, answer.content
    assert answer.json().items() >= values.items()
    link = Mec.objects.get().link
    assert link.leads_somewhere
    assert list(link.addresses) == values.get("addresses", [])


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"transport": "ros2"}, "/discovery"),
        ({"transport": "ros2", "discovery": "server"}, "/addresses"),
        (ROS2 | {"discovery": "multicast"}, "/addresses"),
        (ROS2 | {"discovery": "server"}, "/addresses"),  # without a port
        (SERVER | {"discovery": "peers"}, "/addresses"),
        (SERVER | {"addresses": ["192.0.2.7:99999"]}, "/addresses"),
        (ROS2 | {"endpoint": "tcp/192.0.2.7:7447"}, "/endpoint"),
        (ROS2 | {"secret": "lab"}, "/secret"),
        (PEER | {"addresses": ["192.0.2.7"]}, "/addresses"),
        (ALONE | {"discovery": "peers"}, "/discovery"),
    ],
)
def test_links_whose_values_contradict_each_other_are_refused(
    admin: APIClient, values: dict[str, Any], pointer: str
) -> None:
    answer = admin.post(API, {"slug": "lab", "name": "Lab", **values})
    assert answer.status_code == 422, answer.content
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("name", "value", "pointer"),
    [
        ("addresses", ["a b"], "/addresses/0"),
        ("addresses", ["a"] * 33, "/addresses"),
        ("addresses", [7], "/addresses/0"),
        ("addresses", "192.0.2.7", "/addresses"),
        ("secret", "../lab", "/secret"),
        ("secret", "Lab", "/secret"),
        ("zenoh_mode", "router", "/zenoh_mode"),
        ("attachment", "", "/attachment"),
    ],
)
def test_values_of_a_wrong_form_are_refused(
    admin: APIClient, name: str, value: Any, pointer: str
) -> None:
    answer = admin.post(API, {"slug": "lab", "name": "Lab", name: value})
    assert answer.status_code == 400, answer.content
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_row_of_a_server_of_the_version_before_has_the_new_defaults() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO simulations_mec (slug, name, transport, endpoint, discovery, domain_id,"
            " node_selector, enabled, created_at, updated_at)"
            " VALUES ('old', 'Old', 'null', '', 'none', 0, '{}', TRUE, now(), now())"
        )
    mec = Mec.objects.get(slug="old")
    assert mec.tolerations == []
    assert (mec.addresses, mec.zenoh_mode, mec.attachment, mec.secret) == (
        [],
        "client",
        "binary",
        "",
    )


def test_node_selectors_are_labels_of_nodes(admin: APIClient) -> None:
    body = {"slug": "lab", "name": "Lab", "node_selector": {"example.org/site": "north-1"}}
    assert admin.post(API, body).status_code == 201
    wrong = {**body, "slug": "other", "node_selector": {"site": "no such value!"}}
    answer = admin.post(API, wrong)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/node_selector"


def test_service_validates_by_itself() -> None:
    with pytest.raises(MecInvalidError) as caught:
        mecs.create(slug="no slug", name="", transport="null", node_selector={"site": "no!"})
    assert {error.pointer for error in caught.value.errors} == {"/slug", "/name", "/node_selector"}
    mec = mecs.create(slug="lab", name="Lab")
    with pytest.raises(MecInvalidError, match="Another system under test has this slug"):
        mecs.create(slug=mec.slug, name="Other")


def test_existing_invalid_endpoint_does_not_block_other_changes(admin: APIClient) -> None:
    mec = mecs.ensure("lab", name="Lab", transport="zenoh-raw", endpoint="tcp/192.0.2.7:1")
    Mec.objects.update(endpoint="router.example:7447")
    answer = admin.patch(f"{API}/{mec.pk}", {"enabled": False})
    assert answer.status_code == 200, answer.content
    assert answer.json()["enabled"] is False
