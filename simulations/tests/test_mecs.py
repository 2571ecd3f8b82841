"""Mecs take only endpoints that an agent could use."""

import pytest
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
    with pytest.raises(MecInvalidError, match="Another mec has this slug"):
        mecs.create(slug=mec.slug, name="Other")


def test_existing_invalid_endpoint_does_not_block_other_changes(admin: APIClient) -> None:
    mec = mecs.ensure("lab", name="Lab", transport="zenoh-raw", endpoint="tcp/192.0.2.7:1")
    Mec.objects.update(endpoint="router.example:7447")
    answer = admin.patch(f"{API}/{mec.pk}", {"enabled": False})
    assert answer.status_code == 200, answer.content
    assert answer.json()["enabled"] is False
