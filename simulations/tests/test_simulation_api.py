"""Simulations over HTTP: clones, order of stages, lists and bulk deletion."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design, ended_execution, names
from templates.models import Template

pytestmark = pytest.mark.django_db
API = "/api/v1"


def test_clone_copies_stages_under_new_name(operator: APIClient, design: Design) -> None:
    original = design(2, 3, delay_after=4.0, assigned_area="yard")
    address = f"{API}/simulations/{original.pk}/clone"
    answers = [operator.post(address, {}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    created = answers[0].json()
    assert answers[0]["Location"] == f"{API}/simulations/{created['id']}"
    assert [answer.json()["name"] for answer in answers] == ["drive (2)", "drive (3)"]
    before = operator.get(f"{API}/simulations/{original.pk}").json()
    assert created["stages"] == before["stages"]
    assert created["latest_execution"] is None
    assert operator.post(address, {"name": "own"}).json()["name"] == "own"
    taken = operator.post(address, {"name": "own"})
    assert (taken.status_code, taken.json()["code"]) == (409, "NAME_TAKEN")
    assert operator.post(address, {"title": "own"}).json()["errors"][0]["pointer"] == "/title"


def test_reorder_stages(operator: APIClient, design: Design) -> None:
    simulation = design(1, 2, 3)
    address = f"{API}/simulations/{simulation.pk}/reorder"
    data = operator.post(address, {"order": [3, 1, 2]}).json()
    assert [(s["position"], s["agent_count"]) for s in data["stages"]] == [(1, 3), (2, 1), (3, 2)]
    for wrong in ([1, 2], [1, 1, 2], [1, 2, 4]):
        refused = operator.post(address, {"order": wrong})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/order")
    kept = operator.get(f"{API}/simulations/{simulation.pk}").json()["stages"]
    assert [stage["agent_count"] for stage in kept] == [3, 1, 2]


def test_bulk_delete_reports_each_result(operator: APIClient, design: Design) -> None:
    free, busy = design(name="free"), design(name="busy")
    lifecycle.start(busy)
    answer = operator.post(
        f"{API}/simulations/bulk/delete", {"ids": [free.pk, busy.pk, 987654, free.pk]}
    )
    assert answer.status_code == 200, answer.content
    data = {result["id"]: (result["done"], result["code"]) for result in answer.json()["results"]}
    assert data == {
        free.pk: (True, ""),
        busy.pk: (False, "ALREADY_RUNNING"),
        987654: (False, "NOT_FOUND"),
    }
    for wrong in ({"ids": []}, {"ids": ["x"]}, {}, {"ids": list(range(1, 502))}, {"ids": [10**30]}):
        assert operator.post(f"{API}/simulations/bulk/delete", wrong).status_code == 400


def test_list_filters(operator: APIClient, design: Design, template: Template) -> None:
    done, failed, running, _new = (design(name=n) for n in ("done", "failed", "running", "new"))
    ended_execution(done)
    ended_execution(failed, "FAILED")
    lifecycle.start(running)
    address = f"{API}/simulations"
    assert names(operator.get(f"{address}?status=COMPLETED&status=FAILED")) == ["failed", "done"]
    assert names(operator.get(f"{address}?running=true")) == ["running"]
    assert names(operator.get(f"{address}?running=false")) == ["new", "failed", "done"]
    assert names(operator.get(f"{address}?search=fail")) == ["failed"]
    assert names(operator.get(f"{address}?template={template.pk}&ordering=name")) == sorted(
        ["done", "failed", "new", "running"]
    )
    assert names(operator.get(f"{address}?template=1000000")) == []
    assert names(operator.get(f"{address}?created_after=2999-01-01T00:00:00Z")) == []
    row = operator.get(f"{address}?search=running").json()["results"][0]
    assert (row["stage_count"], row["agent_count"], row["latest_status"]) == (1, 2, "PENDING")
    assert "stages" not in row
    for wrong in (
        "status=GONE",
        "mec=x",
        "template=1.5",
        "created_after=soon",
        "mec=1e999",
        "mec=0",
        f"mec={10**30}",
    ):
        assert operator.get(f"{address}?{wrong}").status_code == 400, wrong


def test_lists_take_one_query(
    operator: APIClient, design: Design, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        ended_execution(design(name=f"s{number}"))
    with django_assert_num_queries(1):
        operator.get(f"{API}/simulations")
    with django_assert_num_queries(1):
        operator.get(f"{API}/executions")
    for number in range(3, 12):
        ended_execution(design(name=f"s{number}"))
    with django_assert_num_queries(1):
        assert len(operator.get(f"{API}/simulations").json()["results"]) == 12
    with django_assert_num_queries(1):
        assert len(operator.get(f"{API}/executions").json()["results"]) == 12
