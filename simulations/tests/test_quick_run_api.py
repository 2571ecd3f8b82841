"""Quick runs over HTTP."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from simulations.models import Execution, Mec, Simulation
from simulations.tests.conftest import api_client
from storage.models import Rosbag
from templates.models import Template

URL = "/api/v1/quick-runs"


def test_starts_once_for_one_key(operator: APIClient, rosbag: Rosbag, mec: Mec) -> None:
    body = {"rosbag": rosbag.pk, "agents": 20, "rate": 2.0}
    answers = [
        operator.post(URL, body, format="json", headers={"Idempotency-Key": "once"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    execution = Execution.objects.get()
    assert {answer["Location"] for answer in answers} == {f"/api/v1/executions/{execution.pk}"}
    assert answers[0].json()["id"] == execution.pk
    assert execution.simulation.mec == mec
    assert str(execution.requested_by) == "operator@example.org"


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"agents": 0}, "/agents"),
        ({"rosbag": 10**6}, "/rosbag"),
        ({"rate": 1e9}, "/rate"),
        ({"mec": 10**6}, "/mec"),
        ({"topics": []}, "/topics"),
    ],
)
def test_refusals_name_the_field(
    operator: APIClient, rosbag: Rosbag, mec: Mec, values: dict[str, Any], pointer: str
) -> None:
    answer = operator.post(URL, {"rosbag": rosbag.pk, "agents": 2} | values, format="json")
    assert answer.status_code in (400, 422)
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not Template.objects.exists()
    assert not Simulation.objects.exists()


def test_viewers_start_none(rosbag: Rosbag) -> None:
    answer = api_client(Role.VIEWER).post(URL, {"rosbag": rosbag.pk, "agents": 2}, format="json")
    assert answer.status_code == 403
