"""The longest gap of a template in a plan and in the expected end."""

from pathlib import Path
from typing import Any

import pytest

from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from simulations.models import Execution, Simulation
from simulations.services.plan import plan_of
from simulations.services.planning import freeze
from simulations.services.progress.calculation import planned_seconds
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates
from tests.support.bags import stored_bag


@pytest.fixture
def rosbag(db: None, tmp_path: Path) -> Rosbag:
    """Twice ten seconds of /odom with an hour between them, and /rare once a minute."""
    odom = [(start + number * 0.1, "/odom") for start in (0, 3610) for number in range(101)]
    rare = [(60.0 * number, "/rare") for number in range(61)]
    with BagWriter(tmp_path / "bag") as bag:
        ids = {name: bag.add_topic(Topic(name, "a/msg/B")) for name in ("/odom", "/rare")}
        for seconds, name in sorted([*odom, *rare]):
            bag.write(ids[name], 10**9 + round(seconds * 1e9), bytes(8))
    return stored_bag(tmp_path / "bag")


def test_plan_of_a_template_with_a_longest_gap(design: Design, template: Template) -> None:
    templates.update(template, topics=["/odom"], rate=2, max_gap_seconds=4)
    [stage] = freeze(design(repeat_count=3)).stages
    assert (stage.max_gap_seconds, stage.seconds_known) == (4, True)
    assert stage.seconds_a_pass == pytest.approx((10 + 4 + 10) / 2)
    between_passes = 12 / 201  # the mean time between two of its 202 messages
    assert planned_seconds(stage) == pytest.approx(36 + 2 * between_passes)
    templates.update(template, topics=[])
    [stage] = freeze(Simulation.objects.get()).stages
    assert planned_seconds(stage) is None


def test_a_plan_of_the_version_before_keeps_all_silence(design: Design) -> None:
    execution = lifecycle.start(design())
    values: dict[str, Any] = execution.plan["stages"][0]
    del values["max_gap_seconds"], values["seconds_known"]
    Execution.objects.update(plan=execution.plan)
    [stage] = plan_of(Execution.objects.get()).stages
    assert stage.max_gap_seconds is None
    assert planned_seconds(stage) == pytest.approx(3620)
