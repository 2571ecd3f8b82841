"""The figures of a stage count agents by their newest attempt, and leave latecomers out of the skew."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from simulations.management.results import show_result
from simulations.models import AgentRun, Execution, Simulation
from simulations.services.progress.stage_figures import StageFigures, stage_figures
from simulations.services.runs import lifecycle

pytestmark = pytest.mark.django_db
Design = Callable[..., Simulation]


@pytest.fixture
def execution(design: Design) -> Execution:
    found = lifecycle.start(design(2, 1))
    first, second = found.stage_runs.order_by("position")
    fields: list[dict[str, Any]] = [
        {"number": 1, "status": "LOST", "published": 5},
        {"number": 1, "attempt": 2, "status": "COMPLETED", "late": True, "start_skew_us": 9e6},
        {"number": 2, "status": "FAILED", "start_skew_us": -70.0, "lateness_p99_us": 33.0},
    ]
    for each in fields:
        AgentRun.objects.create(stage_run=first, unit=0, **each)
    AgentRun.objects.create(stage_run=second, unit=0, number=3, status="COMPLETED", published=4321)
    return found


def test_statistics_of_each_stage(execution: Execution, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        found = stage_figures(execution)
    assert found == {
        1: StageFigures(1, 1, 0, 1, messages=5, lateness_us=33.0, skew_us=70.0),
        2: StageFigures(completed=1, messages=4321),
    }


def test_on_a_narrow_terminal_no_figure_is_cut(execution: Execution) -> None:
    numbers = {"published": 112_500_000, "start_skew_us": 85_550.0, "lateness_p99_us": 19_661.0}
    AgentRun.objects.filter(status="FAILED").update(**numbers)
    out = StringIO()
    show_result(execution, Console(file=out, width=80))
    assert {"112500005", "85550", "19661"} <= set(out.getvalue().split())


def test_the_table_shows_them(execution: Execution) -> None:
    out = StringIO()
    show_result(execution, Console(file=out, width=160))
    lines = [line for line in out.getvalue().splitlines() if "driver" in line]
    assert "70" in lines[0]
    assert "33" in lines[0]
    assert "4321" in lines[1]
