"""Stages without messages: refused at the start, or completed with a warning where that is asked for."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils.translation import override
from rest_framework.test import APIClient

from accounts.choices import Role
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from simulations.backends.base import UnitState, UnitStatus
from simulations.exceptions import NotStartableError
from simulations.models import AgentRun, Execution
from simulations.services.runs import lifecycle, reconcile
from simulations.tests.conftest import Console, Design, ended, prepared
from simulations.tests.fake_backend import FakeBackend
from simulations.tests.processes import System
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates
from tests.support.bags import stored_bag

TEXT = "Template driver has no messages to play"


@pytest.fixture
def silent(tmp_path: Path, template: Template) -> None:
    """The template plays a topic on which nothing was said."""
    with BagWriter(tmp_path / "silent") as bag:
        bag.add_topic(Topic("/quiet", "nav_msgs/msg/Odometry"))
        odom = bag.add_topic(Topic("/odom", "nav_msgs/msg/Odometry"))
        bag.write(odom, 10**9, bytes([0, 1, 0, 0]))
    templates.update(template, rosbag=stored_bag(tmp_path / "silent"), topics=["/quiet"])


@pytest.mark.usefixtures("silent")
def test_api_refuses_and_run_again_as_well(operator: APIClient, design: Design) -> None:
    simulation = design()
    answer = operator.post(f"/api/v1/simulations/{simulation.pk}/start")
    assert (answer.status_code, answer.json()["code"]) == (422, "NOT_STARTABLE")
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/stages/0/template", "NO_MESSAGES")
    assert TEXT in error["detail"]
    simulation.stages.update(no_messages_allowed=True)
    execution = lifecycle.start(simulation)
    plan = Execution.objects.get().plan
    del plan["stages"][0]["no_messages_allowed"]  # as the version before froze it
    Execution.objects.update(plan=plan, status="COMPLETED")
    simulation.stages.update(no_messages_allowed=False)
    for plan_name in ("same", "latest"):
        again, headers = f"/api/v1/executions/{execution.pk}/again", {"accept-language": "ko"}
        with override("en"):  # a request in Korean leaves its language behind
            answer = operator.post(again, {"plan": plan_name}, headers=headers)
        assert answer.status_code == 422
        assert "재생할 메시지가 없습니다" in answer.json()["detail"]


def test_bag_without_messages(tmp_path: Path, template: Template, design: Design) -> None:
    with BagWriter(tmp_path / "empty") as bag:
        bag.add_topic(Topic("/odom", "nav_msgs/msg/Odometry"))
    rosbag = stored_bag(tmp_path / "empty")
    Rosbag.objects.filter(pk=rosbag.pk).update(
        status="ready_with_warnings"
    )  # as it was stored before
    templates.update(template, rosbag=rosbag.pk)
    with pytest.raises(NotStartableError, match=TEXT):
        lifecycle.start(design())


def test_only_playable_topics_are_planned(
    tmp_path: Path, template: Template, design: Design
) -> None:
    with BagWriter(tmp_path / "mixed") as bag:
        for name, serialization in (("/odom", "cdr"), ("/notes", "json")):
            topic = bag.add_topic(Topic(name, "nav_msgs/msg/Odometry", serialization))
            bag.write(topic, 10**9, bytes([0, 1, 0, 0]))
    rosbag = stored_bag(tmp_path / "mixed")
    templates.update(template, rosbag=rosbag, topics=[])
    simulation = design()
    [stage] = lifecycle.start(simulation).plan["stages"]
    names = [topic["name"] for topic in stage["topics"]]
    assert (names, stage["messages_a_pass"]) == (["/odom"], 1)
    # Verified again, it may turn out that a chosen topic cannot be played.
    templates.update(template, topics=["/odom"])
    rosbag.topics.filter(name="/odom").update(serialization_format="json")
    Execution.objects.update(status="COMPLETED")
    with pytest.raises(NotStartableError, match="cannot play: /odom"):
        lifecycle.start(simulation)


@pytest.mark.usefixtures("silent")
def test_console_and_command_refuse(console: Console, design: Design) -> None:
    client, simulation = console(Role.OPERATOR), design()
    page = f"/admin/simulations/simulation/{simulation.pk}/change/"
    assert TEXT in client.get(page).content.decode()  # before anybody starts it
    answer = client.post(page.replace("change", "act/start"), follow=True)
    assert [TEXT in str(message) for message in answer.context["messages"]] == [True]
    output = StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("run_simulation", simulation.name, stderr=output)
    assert (exit_.value.code, TEXT in output.getvalue()) == (2, True)
    assert not Execution.objects.exists()


@pytest.mark.parametrize(("allowed", "status"), [(False, "FAILED"), (True, "COMPLETED")])
def test_stage_that_published_nothing(
    operator: APIClient, design: Design, fake: FakeBackend, allowed: bool, status: str
) -> None:
    """Its time limit was over before the first message."""
    execution = lifecycle.start(design(1, no_messages_allowed=allowed))
    stage_runs = prepared(execution)
    lifecycle.move_stage(stage_runs[0], ["PREPARING"], "FINALIZING")  # type: ignore[arg-type]
    AgentRun.objects.create(stage_run=stage_runs[0], number=1, unit=0, status="COMPLETED")
    fake.seen = [UnitStatus(0, UnitState.ENDED)]
    reconcile.step(Execution.objects.get())
    row = operator.get(f"/api/v1/executions/{execution.pk}").json()
    codes = (row["status"], row["failure_code"], [item["code"] for item in row["warnings"]])
    assert codes == (status, "" if allowed else "NO_MESSAGES", ["NO_MESSAGES"] * allowed)
    if allowed:
        assert row["warnings"][0]["stage"] == 1
        assert row["warnings"][0]["text"].startswith("The stage published no messages")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("silent")
def test_allowed_run_of_real_units_is_completed(
    system: System, design: Design, console: Console
) -> None:
    system.controller()
    execution = ended(lifecycle.start(design(2, no_messages_allowed=True)))
    assert (execution.status, execution.failure_text) == ("COMPLETED", "")
    assert [warning["stage"] for warning in execution.warnings or []] == [1]
    page = console(Role.VIEWER).get(f"/admin/simulations/execution/{execution.pk}/change/")
    assert "<b>Stage 1</b>: The stage published no messages" in page.content.decode()
