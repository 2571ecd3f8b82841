"""Topics whose names the transport of a mec does not carry: refused at the start, or left out and told."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient
from rich.console import Console as Terminal

from accounts.choices import Role
from agent.topic_names import NAMES_CARRIED
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from simulations.choices import Transport
from simulations.exceptions import NotStartableError
from simulations.management.results import show_result
from simulations.models import Execution, Mec, Simulation
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design, ended, until
from simulations.tests.processes import System
from templates.models import Template
from templates.services import templates
from tests.support.bags import stored_bag
from tests.support.zenoh import CountingRouter

ODD = ("/**", "/a//b", "//odom", "/[b]/", "odom")
"""None is a key of Zenoh; the last would be that of /odom."""
PLAYED = ("/9lives", "/imu-data", "/odom")
TYPE = "nav_msgs/msg/Odometry"


@pytest.fixture
def simulation(tmp_path: Path, template: Template, mec: Mec, design: Design) -> Simulation:
    """A bag of three good and five odd names, one message each; two of them are also recorded."""
    with BagWriter(tmp_path / "names") as bag:
        for number, name in enumerate((*PLAYED, *ODD)):
            bag.write(bag.add_topic(Topic(name, TYPE)), 10**9 + number, bytes([0, 1, 0, 0]))
    record = [{"name": name, "type": TYPE} for name in ("/imu-data", "/a//b")]
    bag = stored_bag(tmp_path / "names")
    templates.update(template, rosbag=bag, record_topics=record)
    Mec.objects.update(transport="zenoh-raw", endpoint="tcp/127.0.0.1:1")
    return design()


@pytest.fixture
def router() -> Iterator[CountingRouter]:
    router = CountingRouter()
    yield router
    router.close()


def leave_out(template: Template) -> None:
    templates.update(template, unsupported_topics="leave_out")


def test_each_transport_says_which_names_it_carries() -> None:
    assert set(NAMES_CARRIED) == set(Transport.values)


def test_start_is_refused_and_names_the_topics(operator: APIClient, simulation: Simulation) -> None:
    answer = operator.post(f"/api/v1/simulations/{simulation.pk}/start")
    assert (answer.status_code, answer.json()["code"]) == (422, "NOT_STARTABLE")
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/stages/0/template", "TOPIC_NOT_CARRIED")
    for word in ("Template driver", "zenoh-raw", *ODD):
        assert word in error["detail"]
    assert "/imu-data" not in error["detail"]
    assert not Execution.objects.exists()


def test_console_says_so_before_the_start(console: Console, simulation: Simulation) -> None:
    client = console(Role.OPERATOR)
    page = f"/admin/simulations/simulation/{simulation.pk}/change/"
    assert "cannot carry: " in client.get(page).content.decode()
    answer = client.post(page.replace("change", "act/start"), follow=True)
    assert ["/a//b" in str(message) for message in answer.context["messages"]] == [True]


def test_recorded_topics_count_too(template: Template, simulation: Simulation) -> None:
    templates.update(template, topics=["/odom"])
    with pytest.raises(NotStartableError, match=r"cannot carry: /a//b\. "):
        lifecycle.start(simulation)


def test_without_a_network_all_but_one_of_two_names_are_played(
    simulation: Simulation, template: Template
) -> None:
    Mec.objects.update(transport="null", endpoint="")
    with pytest.raises(NotStartableError, match=r"cannot carry: odom \(= /odom\)\. "):
        lifecycle.start(simulation)
    templates.update(template, topics=[*PLAYED, *ODD[:4]])
    [stage] = lifecycle.start(simulation).plan["stages"]
    assert {topic["name"] for topic in stage["topics"]} == {*PLAYED, *ODD[:4]}


def test_leaving_out_is_in_plan_warning_event_and_page(
    operator: APIClient, console: Console, simulation: Simulation, template: Template
) -> None:
    leave_out(template)
    started = operator.post(f"/api/v1/simulations/{simulation.pk}/start").json()
    address = f"/api/v1/executions/{started['id']}"
    row = operator.get(address).json()
    stage = row["plan"]["stages"][0]
    assert sorted(topic["name"] for topic in stage["topics"]) == sorted(PLAYED)
    assert sorted(stage["left_out"]) == sorted(ODD)
    assert [topic["name"] for topic in stage["record"]] == ["/imu-data"]
    assert stage["messages_a_pass"] == len(PLAYED)
    [warning] = row["warnings"]
    assert (warning["code"], warning["stage"]) == ("TOPIC_NOT_CARRIED", 1)
    assert warning["text"].startswith("5 topics were left out, as the transport zenoh-raw cannot")
    events = operator.get(f"{address}/events").json()["results"]
    [payload] = [event["payload"] for event in events if event["kind"] == "topics.left_out"]
    assert (payload["position"], payload["count"], "/a//b" in payload["topics"]) == (1, 5, True)
    page = f"/admin/simulations/execution/{started['id']}/change/"
    text = console(Role.VIEWER).get(page).content.decode()
    assert "<b>Stage 1</b>: 5 topics were left out" in text
    plan = console(Role.VIEWER).get(f"{page.removesuffix('change/')}panels/?names=plan").json()
    assert "Topics left out" in plan["html"]["plan"]


def test_published_names_are_what_the_transport_carries(
    simulation: Simulation, template: Template
) -> None:
    renames = {"/a//b": "/a/b", "/odom": "/wheel/odom"}
    templates.update(template, topics=["/a//b", "/odom"], record_topics=[], renames=renames)
    [stage] = lifecycle.start(simulation).plan["stages"]
    assert [topic["publish_as"] for topic in stage["topics"]] == ["/a/b", "/wheel/odom"]
    assert not stage["left_out"]


def test_nothing_is_started_where_nothing_is_left(
    simulation: Simulation, template: Template
) -> None:
    templates.update(template, topics=["/**"], record_topics=[], unsupported_topics="leave_out")
    with pytest.raises(NotStartableError, match=r"cannot carry: /\*\*"):
        lifecycle.start(simulation)


def test_a_plan_of_the_version_before_is_not_run_again(
    simulation: Simulation, template: Template
) -> None:
    leave_out(template)
    execution = lifecycle.start(simulation)
    Execution.objects.update(status="COMPLETED")
    assert lifecycle.start_again(execution).warnings == execution.warnings
    plan: dict[str, Any] = execution.plan
    stage = plan["stages"][0]
    stage["topics"] = [*stage["topics"], *({"name": name} for name in stage.pop("left_out"))]
    execution.plan = plan
    Execution.objects.update(status="COMPLETED", plan=plan)
    with pytest.raises(NotStartableError, match=r"cannot carry: .*/a//b"):
        lifecycle.start_again(execution)


@pytest.mark.django_db(transaction=True)
def test_a_real_run_publishes_only_what_is_a_key(
    system: System, simulation: Simulation, template: Template, router: CountingRouter
) -> None:
    Mec.objects.update(endpoint=router.endpoint)
    leave_out(template)
    system.controller()
    execution = ended(lifecycle.start(simulation))
    results = (execution.status, execution.data_status, execution.failure_text)
    assert results == ("COMPLETED", "COMPLETE", "")
    played = {"/agent_1": len(PLAYED), "/agent_2": len(PLAYED)}
    until(lambda: sum(router.counts("/agent_").values()) >= sum(played.values()))
    assert router.counts("/agent_") == played
    output = StringIO()
    show_result(execution, Terminal(file=output, width=500))
    assert "Stage 1: 5 topics were left out" in output.getvalue()
    assert "/[b]/" in output.getvalue()
