"""What cannot be started is refused with a sentence, and nothing is written."""

from collections.abc import Callable
from typing import Any

import pytest

from simulations.exceptions import (
    AlreadyRunningError,
    NotRunningError,
    NotStartableError,
    SimulationError,
)
from simulations.models import Execution, Mec, Simulation
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates

Design = Callable[..., Simulation]


def refused(simulation: Simulation, words: str) -> None:
    with pytest.raises(NotStartableError) as caught:
        lifecycle.start(simulation)
    assert words in str(caught.value)
    assert caught.value.errors
    assert not Execution.objects.exists()


def test_deleted_template(design: Design, template: Template) -> None:
    simulation = design()
    templates.delete(template)
    refused(simulation, "was deleted")


def test_rosbag_not_ready(design: Design, rosbag: Rosbag) -> None:
    simulation = design()
    Rosbag.objects.filter(pk=rosbag.pk).update(status="rejected")
    refused(simulation, "is not ready")


def test_topic_missing_in_rosbag(design: Design, template: Template) -> None:
    simulation = design()
    Template.objects.filter(pk=template.pk).update(topics=["/nowhere"])
    refused(simulation, "/nowhere")


def test_disabled_mec(design: Design, mec: Mec) -> None:
    simulation = design()
    Mec.objects.filter(pk=mec.pk).update(enabled=False)
    refused(simulation, "disabled")


def test_no_stage(mec: Mec) -> None:
    simulation = create_simulation(name="empty", pattern="parallel", mec=mec, stages=[])
    refused(simulation, "no stage")


@pytest.mark.parametrize(
    ("stage", "pointer"),
    [
        ({"agent_count": 0}, "/stages/0/agent_count"),
        ({"agent_count": 1_000_000}, "/stages/0/agent_count"),
        ({"agent_count": 1, "execution_time": -1.0}, "/stages/0/execution_time"),
        ({"agent_count": 1, "execution_time": float("nan")}, "/stages/0/execution_time"),
        ({"agent_count": 1, "delay_after": -0.1}, "/stages/0/delay_after"),
        ({"agent_count": 1, "repeat_count": 0}, "/stages/0/repeat_count"),
    ],
)
def test_invalid_numbers(template: Template, mec: Mec, stage: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SimulationError) as caught:
        create_simulation(
            name="x", pattern="parallel", mec=mec, stages=[StageSpec(template=template, **stage)]
        )
    assert pointer in [each.pointer for each in caught.value.errors]
    assert not Simulation.objects.exists()


def test_unknown_template(mec: Mec) -> None:
    with pytest.raises(SimulationError, match="no template 999"):
        create_simulation(
            name="x", pattern="parallel", mec=mec, stages=[StageSpec(template=999, agent_count=1)]
        )


def test_second_start_while_active(design: Design) -> None:
    simulation = design()
    lifecycle.start(simulation)
    with pytest.raises(AlreadyRunningError):
        lifecycle.start(simulation)
    assert Execution.objects.count() == 1


def test_second_stop(design: Design) -> None:
    execution = lifecycle.start(design())
    lifecycle.stop(execution)
    with pytest.raises(NotRunningError):
        lifecycle.stop(execution)
    assert execution.events.filter(kind="execution.status").count() == 1


def test_plan_is_frozen(design: Design, template: Template) -> None:
    execution = lifecycle.start(design(3, 2))
    templates.update(template, rate=5.0)
    execution.refresh_from_db()
    assert [stage["rate"] for stage in execution.plan["stages"]] == [1.0, 1.0]
    assert [stage["first_agent"] for stage in execution.plan["stages"]] == [1, 4]
