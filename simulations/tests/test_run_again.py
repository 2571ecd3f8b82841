"""Running an execution again: how the frozen plan and the present design differ, and what refuses either."""

from typing import Any

from django.test import Client
from rest_framework.test import APIClient

from accounts.choices import Role
from simulations.models import Execution, Mec, Simulation
from simulations.services.designs.simulations import StageSpec, update_simulation
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design
from storage.models import Rosbag
from templates.models import Template

URL = "/admin/simulations/execution"
API = "/api/v1/executions"


def ended(design: Design) -> Execution:
    execution = lifecycle.start(design(2))
    Execution.objects.update(status="COMPLETED")
    return execution


def change(simulation: Simulation, template: Template) -> None:
    """Let the first stage have more agents, and add a second one."""
    first = StageSpec(template=template, agent_count=5)
    second = StageSpec(template=template, name="<i>new</i>", agent_count=3)
    update_simulation(simulation, stages=[first, second])


def text(client: Client, execution: Execution) -> str:
    answer = client.get(f"{URL}/{execution.pk}/again/")
    assert answer.status_code == 200
    return answer.content.decode()


def difference(client: APIClient, execution: Execution) -> Any:
    answer = client.get(f"{API}/{execution.pk}/plan-difference")
    assert answer.status_code == 200
    return answer.json()


def test_the_difference_is_shown_before(
    console: Console, operator: APIClient, design: Design, template: Template
) -> None:
    execution, client = ended(design), console(Role.OPERATOR)
    assert "both would run exactly the same" in text(client, execution)
    assert difference(operator, execution)["differences"] == []
    change(execution.simulation, template)
    page = text(client, execution)
    for words in ("Agents</td>", "Stage added", "&lt;i&gt;new&lt;/i&gt;", "act/again/", "latest"):
        assert words in page
    rows = difference(operator, execution)["differences"]
    assert [(row["change"], row["field"], row["before"], row["after"]) for row in rows] == [
        ("changed", "agents", 2, 5),
        ("stage_added", "", None, 3),
    ]


def test_each_way_says_why_it_would_be_refused(
    console: Console, operator: APIClient, design: Design, rosbag: Rosbag
) -> None:
    execution, client = ended(design), console(Role.OPERATOR)
    Rosbag.objects.update(content_digest="another")
    answer = difference(operator, execution)
    assert [row["field"] for row in answer["differences"]] == ["rosbag_digest"]
    assert (answer["same_errors"][0]["pointer"], answer["latest_errors"]) == (
        "/stages/0/rosbag",
        [],
    )
    page = text(client, execution)
    assert ("act/again/" in page, "act/latest/" in page) == (False, True)
    Mec.objects.update(enabled=False)
    answer = difference(operator, execution)
    assert (answer["differences"], answer["latest_errors"][0]["pointer"]) == ([], "/mec")
    assert "nothing to compare" in text(client, execution)


def test_a_running_simulation_refuses_both(
    console: Console, operator: APIClient, design: Design
) -> None:
    execution = ended(design)
    lifecycle.start(execution.simulation)
    page = text(console(Role.OPERATOR), execution)
    assert page.count("The simulation is running") == 2
    assert "/act/" not in page
    answer = difference(operator, execution)
    assert answer["same_errors"] == answer["latest_errors"] != []


def test_those_who_may_not_run_do_not_see_it(console: Console, design: Design) -> None:
    execution = ended(design)
    assert console(Role.VIEWER).get(f"{URL}/{execution.pk}/again/").status_code == 403


def test_the_new_execution_follows(console: Console, design: Design) -> None:
    execution = ended(design)
    answer = console(Role.OPERATOR).post(f"{URL}/{execution.pk}/act/again/")
    again = Execution.objects.get(again_of=execution)
    assert answer["Location"] == f"{URL}/{again.pk}/change/"
