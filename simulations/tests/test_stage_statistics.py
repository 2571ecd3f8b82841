"""Results of an execution: statistics of its stages, and what a terminal shows of both."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from simulations.choices import FailureCode
from simulations.failures import failure
from simulations.management.results import show_result
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.progress.stage_figures import StageFigures, stage_figures
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design

pytestmark = pytest.mark.django_db


@pytest.fixture
def execution(design: Design) -> Execution:
    execution = lifecycle.start(design(2, 1))
    first, second = execution.stage_runs.order_by("position")
    fields: list[dict[str, Any]] = [
        {"number": 1, "status": "LOST", "published": 5},
        {"number": 1, "attempt": 2, "status": "COMPLETED", "late": True, "start_skew_us": 9e6},
        {"number": 2, "status": "FAILED", "start_skew_us": -70.0, "lateness_p99_us": 33.0},
    ]
    for stage_run in fields:
        AgentRun.objects.create(stage_run=first, unit=0, **stage_run)
    AgentRun.objects.create(stage_run=second, unit=0, number=3, status="COMPLETED", published=4321)
    return execution


def shown(execution: Execution, width: int = 250) -> list[str]:
    """Lines of the result in a terminal."""
    out = StringIO()
    show_result(execution, Console(file=out, width=width))
    return out.getvalue().splitlines()


def test_statistics_of_each_stage(execution: Execution, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        figures = stage_figures(execution)
    assert figures == {
        1: StageFigures(1, 1, 0, 1, messages=5, lateness_us=33.0, skew_us=70.0),
        2: StageFigures(completed=1, messages=4321),
    }


def test_on_a_narrow_terminal_no_figure_is_cut(execution: Execution) -> None:
    numbers = {"published": 112_500_000, "start_skew_us": 85_550.0, "lateness_p99_us": 19_661.0}
    AgentRun.objects.filter(status="FAILED").update(**numbers)
    words = " ".join(shown(execution, width=80)).split()
    assert {"112500005", "85550", "19661"} <= set(words)


def test_the_table_shows_them(execution: Execution) -> None:
    lines = [line for line in shown(execution) if "driver" in line]
    assert "70" in lines[0]
    assert "33" in lines[0]
    assert "4321" in lines[1]


def test_the_result_says_what_failed_and_what_to_do(execution: Execution) -> None:
    failed = failure("AGENT_CRASHED", completed=1, agents=2, min_percent=100)
    Execution.objects.update(**failed)
    StageRun.objects.filter(position=1).update(**failed)
    AgentRun.objects.filter(number=1, attempt=1).update(failure_code="TRANSPORT_LOST")
    AgentRun.objects.filter(number__in=[2, 3]).update(failure_code="AGENT_CRASHED")
    lines = shown(execution)
    crashed = FailureCode.AGENT_CRASHED.label
    assert f"Stage 1: 1 of 2 agents completed, at least 100 % must. {crashed}" in lines
    assert f"AGENT_CRASHED (attempts of agents: 2): {crashed}" in lines
    assert f"TRANSPORT_LOST (attempts of agents: 1): {FailureCode.TRANSPORT_LOST.label}" in lines
    assert sum("100 % must" in line for line in lines) == 1  # the execution says it of its stage


def test_the_result_says_who_stopped_it(execution: Execution) -> None:
    stop = failure("STOPPED_BY_USER", stopped_by="kim@example.com")
    Execution.objects.update(**stop)
    AgentRun.objects.update(**stop)
    lines = shown(execution)
    assert "It was stopped by kim@example.com." in lines
    assert not any("attempts of agents" in line for line in lines)
