"""Quick run: one call makes template and simulation and starts them, or leaves nothing."""

from dataclasses import replace
from typing import Any

import pytest

from accounts.models import User
from simulations.exceptions import NotStartableError
from simulations.models import Execution, Mec, Simulation
from simulations.services import quick_run
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, update_simulation
from simulations.services.quick_run import QuickRun
from storage.models import Rosbag, RosbagTopic
from templates.models import Template
from templates.services import templates


@pytest.fixture
def run(rosbag: Rosbag, mec: Mec) -> QuickRun:
    return QuickRun(rosbag=rosbag, mec=mec, agents=20)


def errors_of(run: QuickRun) -> dict[str, str]:
    """The refusal of a start, by field; nothing was made."""
    before = Template.objects.count(), Mec.objects.count()
    with pytest.raises(NotStartableError) as caught:
        quick_run.start(run)
    assert (Template.objects.count(), Mec.objects.count()) == before
    assert not Simulation.objects.exists()
    assert not Execution.objects.exists()
    return {error.pointer: error.detail for error in caught.value.errors}


def end() -> None:
    Execution.objects.update(status="COMPLETED")


def test_template_simulation_and_execution_are_made(run: QuickRun) -> None:
    user = User.objects.create(email="o@example.org")
    execution = quick_run.start(replace(run, rate=2.0, passes=3), requested_by=user)
    template, simulation = Template.objects.get(), Simulation.objects.get()
    assert (template.name, template.rate, template.topics) == ("bag", 2.0, [])
    assert template.record_topics == [{"name": "/odom", "type": "nav_msgs/msg/Odometry"}]
    assert (simulation.name, simulation.pattern, simulation.mec) == (
        "bag × 20",
        "parallel",
        run.mec,
    )
    stage = simulation.stages.get()
    assert (stage.template, stage.agent_count, stage.repeat_count) == (template, 20, 3)
    assert (execution.simulation, execution.number, execution.status) == (simulation, 1, "PENDING")
    assert [row.created_by for row in (template, simulation)] == [user, user]
    assert execution.requested_by == user


def test_what_is_the_same_is_used_again(run: QuickRun) -> None:
    quick_run.start(run)
    end()
    again = quick_run.start(run)
    assert (again.simulation.name, again.number) == ("bag × 20", 2)
    beside = quick_run.start(run)  # the first one is running
    assert beside.simulation.name == "bag × 20 (2)"
    assert quick_run.start(replace(run, agents=3)).simulation.name == "bag × 3"
    assert Template.objects.count() == 1
    quick_run.start(replace(run, record=False))
    assert list(Template.objects.order_by("pk").values_list("name", flat=True)) == [
        "bag",
        "bag (2)",
    ]


def test_what_was_changed_since_is_not_used_again(run: QuickRun) -> None:
    simulation = quick_run.start(run).simulation
    end()
    template = Template.objects.get()
    update_simulation(simulation, stages=[StageSpec(template=template, agent_count=1)])
    assert quick_run.start(run).simulation.name == "bag × 20 (2)"
    templates.update(template, topics=["/odom"])
    quick_run.start(run)
    assert Template.objects.count() == 2


def test_long_names_are_cut(run: QuickRun) -> None:
    assert run.rosbag
    Rosbag.objects.update(name="b" * 200)
    run.rosbag.refresh_from_db()
    names = {quick_run.start(run).simulation.name for _ in range(2)}
    assert {len(name) <= 200 and " × 20" in name for name in names} == {True}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"agents": 0}, "/agents", "Give a number from 1 to"),
        ({"agents": 10**12}, "/agents", "Give a number from 1 to"),
        ({"passes": 0}, "/passes", "Give a number from 1 to 1,000,000"),
        ({"rate": -1.0}, "/rate", "Give 0, or a number"),
        ({"rate": float("nan")}, "/rate", "Give 0, or a number"),
        ({"rosbag": None}, "/rosbag", "There is no such rosbag"),
    ],
)
def test_bad_values(run: QuickRun, values: dict[str, Any], field: str, message: str) -> None:
    assert message in errors_of(replace(run, **values))[field]


def test_all_errors_are_shown_together(run: QuickRun) -> None:
    assert set(errors_of(replace(run, agents=0, passes=0, rate=-1))) == {
        "/agents",
        "/passes",
        "/rate",
    }


@pytest.mark.parametrize("state", ["deleted", "verifying", "rejected"])
def test_rosbag_that_cannot_be_played(run: QuickRun, rosbag: Rosbag, state: str) -> None:
    rows = Rosbag.objects.filter(pk=rosbag.pk)
    if state == "deleted":
        rows.hide()
    else:
        rows.update(status=state)
    rosbag.refresh_from_db()
    assert set(errors_of(run)) == {"/rosbag"}


def test_rosbag_without_messages(run: QuickRun, rosbag: Rosbag) -> None:
    rosbag.topics.update(message_count=0)
    assert "no messages to play" in errors_of(run)["/rosbag"]


def test_disabled_mec(run: QuickRun, mec: Mec) -> None:
    mecs.update(mec, enabled=False)
    assert "disabled" in errors_of(run)["/mec"]
    assert "ask an admin" in errors_of(replace(run, mec=None))["/mec"]


def test_refusal_while_it_is_written_leaves_nothing(
    run: QuickRun, mec: Mec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick_run, "field_errors", lambda _run: [])
    Mec.objects.update(enabled=False)
    assert "disabled" in errors_of(run)["/mec"]


def test_too_many_topics_to_record(run: QuickRun, rosbag: Rosbag) -> None:
    RosbagTopic.objects.bulk_create(
        RosbagTopic(rosbag=rosbag, name=f"/t{n}", type="std_msgs/msg/String", message_count=1)
        for n in range(1000)
    )
    assert "run without recording" in errors_of(run)["/record"]
    assert quick_run.start(replace(run, record=False)).plan["stages"][0]["messages_a_pass"] == 1040


def test_names_that_the_transport_does_not_carry_are_left_out(
    run: QuickRun, rosbag: Rosbag
) -> None:
    kind = "std_msgs/msg/String"
    RosbagTopic.objects.create(rosbag=rosbag, name="/a//b", type=kind, message_count=1)
    zenoh = mecs.ensure("z", name="z", transport="zenoh-raw", endpoint="tcp/127.0.0.1:7447")
    plan = quick_run.start(replace(run, mec=zenoh)).plan["stages"][0]
    assert [topic["name"] for topic in plan["topics"]] == ["/odom"]
    assert plan["left_out"] == ("/a//b",)


def test_the_mec_is_that_of_the_latest_execution(run: QuickRun, mec: Mec) -> None:
    newer = mecs.ensure("b", name="B", transport="null")
    assert quick_run.default_mec() == newer
    quick_run.start(run)
    assert quick_run.default_mec() == mec
    mecs.update(mec, enabled=False)
    assert quick_run.default_mec() == newer


def test_an_installation_without_mecs_gets_a_dry_run(rosbag: Rosbag) -> None:
    execution = quick_run.start(QuickRun(rosbag=rosbag, agents=2))
    assert (Mec.objects.get().slug, execution.plan["link"]["transport"]) == ("dry-run", "null")
    end()
    quick_run.start(QuickRun(rosbag=rosbag, agents=2))
    assert Mec.objects.count() == 1
