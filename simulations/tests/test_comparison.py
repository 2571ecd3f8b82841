"""Two executions side by side: plan, figures and lateness, whatever is missing of them."""

from typing import Any

import pytest

from accounts.choices import Role
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.designs import simulations as designs
from simulations.services.progress.comparison import compare
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design, ended_execution

URL = "/admin/simulations/execution/compare/"


def with_agents(execution: Execution, *lateness_us: float) -> Execution:
    stage_run = StageRun.objects.get(execution=execution)
    AgentRun.objects.bulk_create(
        AgentRun(
            stage_run=stage_run,
            number=number,
            unit=0,
            status="COMPLETED",
            lateness_p99_us=us,
            published=10,
        )
        for number, us in enumerate(lateness_us, 1)
    )
    return execution


def pair(design: Design) -> tuple[Execution, Execution]:
    simulation = design(4)
    first = with_agents(ended_execution(simulation), 100, 200, 300, 400)
    specs = designs.specs_of(simulation)
    changed = designs.StageSpec(template=specs[0].template, agent_count=2, repeat_count=3)
    designs.update_simulation(simulation, stages=[changed])
    return first, with_agents(ended_execution(simulation), 150, 950)


def test_plans_figures_and_lateness_are_compared(design: Design) -> None:
    comparison = compare(*pair(design))
    assert {difference.field for difference in comparison.differences} == {"agents", "repeats"}
    left, right = comparison.left, comparison.right
    assert (left.completed, right.completed) == (4, 2)
    assert left.figures["messages_published"] == 40
    assert [left.percentile(p) for p in (50, 90, 100)] == [200, 400, 400]
    assert right.percentile(50) == 150
    assert comparison.axis_us == 1000
    assert sum(left.bins) == sum(right.bins) == 100


def test_nothing_was_measured(design: Design) -> None:
    execution = lifecycle.start(design(1))
    comparison = compare(execution, execution)
    assert (comparison.axis_us, comparison.differences) == (None, ())
    assert comparison.left.percentile(99) is None


@pytest.mark.parametrize("role", list(Role))
def test_the_page_for_each_role(console: Console, design: Design, role: Role) -> None:
    first, second = pair(design)
    client = console(role)
    text = client.get(URL, {"execution": [first.pk, second.pk]}).content.decode()
    assert "drive #1" in text
    assert "drive #2" in text
    assert "Passes" in text
    assert "150 µs" in text
    assert "-50 %" in text


@pytest.mark.parametrize("chosen", [[], ["x", "1" * 30], ["99999"], ["1", "2", "3"]])
def test_other_than_two_are_refused_in_words(
    console: Console, design: Design, chosen: list[str]
) -> None:
    answer = console(Role.VIEWER).get(URL, {"execution": chosen})
    assert answer.status_code == 200
    assert "exactly two executions" in answer.content.decode()


def test_one_alone_offers_the_others(console: Console, design: Design) -> None:
    first, second = pair(design)
    text = console(Role.VIEWER).get(URL, {"execution": first.pk}).content.decode()
    assert f"?execution={first.pk}&amp;execution={second.pk}" in text


def test_queries_do_not_depend_on_agents(
    console: Console, design: Design, django_assert_max_num_queries: Any
) -> None:
    simulation = design(500)
    pks = [with_agents(ended_execution(simulation), *range(500)).pk for _ in range(2)]
    client = console(Role.VIEWER)
    with django_assert_max_num_queries(16):
        assert client.get(URL, {"execution": pks}).status_code == 200
