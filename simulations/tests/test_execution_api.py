"""Executions over HTTP: run again and bulk stop."""

import pytest
from rest_framework.test import APIClient

from simulations.choices import RunStatus
from simulations.models import Execution
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design, ended_execution
from storage.models import Rosbag
from templates.models import Template

pytestmark = pytest.mark.django_db
API = "/api/v1"


def test_run_again_with_same_plan_or_latest_design(
    operator: APIClient, design: Design, template: Template
) -> None:
    simulation = design(2)
    first = ended_execution(simulation)
    operator.patch(
        f"{API}/simulations/{simulation.pk}",
        {"stages": [{"template": template.pk, "agent_count": 5}]},
    )
    address = f"{API}/executions/{first.pk}/again"
    same = operator.post(address, {"plan": "same"}, headers={"Idempotency-Key": "a"})
    assert same.status_code == 202, same.content
    twice = operator.post(address, {"plan": "same"}, headers={"Idempotency-Key": "a"})
    assert twice.json() == same.json()
    assert operator.post(address, {}).json()["code"] == "ALREADY_RUNNING"
    created = Execution.objects.get(pk=same.json()["id"])
    first.refresh_from_db()
    assert (created.plan, created.again_of, created.number) == (first.plan, first, 2)
    Execution.objects.filter(pk=created.pk).update(status=RunStatus.STOPPED)
    latest = operator.post(address, {"plan": "latest"}).json()
    assert Execution.objects.get(pk=latest["id"]).plan["stages"][0]["agents"] == 5
    assert operator.post(address, {"plan": "other"}).status_code == 400


def test_run_again_is_refused_if_rosbag_changed(
    operator: APIClient, design: Design, rosbag: Rosbag
) -> None:
    first = ended_execution(design())
    Rosbag.objects.filter(pk=rosbag.pk).update(content_digest="another")
    refused = operator.post(f"{API}/executions/{first.pk}/again", {"plan": "same"})
    assert (refused.status_code, refused.json()["code"]) == (422, "NOT_STARTABLE")
    assert refused.json()["errors"][0]["pointer"] == "/stages/0/rosbag"


def test_bulk_stop_reports_each_result(operator: APIClient, design: Design) -> None:
    active, done = lifecycle.start(design(name="a")), ended_execution(design(name="b"))
    data = operator.post(f"{API}/executions/bulk/stop", {"ids": [active.pk, done.pk]}).json()
    assert [(result["done"], result["code"]) for result in data["results"]] == [
        (True, ""),
        (False, "NOT_RUNNING"),
    ]
    active.refresh_from_db()
    assert active.status == RunStatus.STOPPING
