"""Starting from the page of a simulation: what the form shows is stored and runs, or nothing happens."""

import html
from typing import Any

import pytest

from accounts.choices import Role
from accounts.exceptions import IdempotencyInProgressError
from simulations.models import Execution, Simulation
from simulations.services.designs import simulations as designs
from simulations.services.plan import plan_of
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design
from simulations.tests.test_console_simulations import agents, form, page
from templates.models import Template
from templates.services import templates

START = {"_start": "yes", "start_key": "a" * 32}


def address(execution: Execution) -> str:
    return f"/admin/simulations/execution/{execution.pk}/change/"


def test_unsaved_edits_are_stored_and_run(console: Console, design: Design) -> None:
    simulation, operator = design(1), console(Role.OPERATOR)
    rows = [{"old": 1, "position": 2, "agent_count": 3}, {"position": 1, "agent_count": 2}]
    answer = operator.post(page(simulation), form(simulation, *rows, **START))
    execution = Execution.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, address(execution))
    assert agents(simulation) == [stage.agents for stage in plan_of(execution).stages] == [2, 3]
    assert execution.requested_by is not None


def test_a_new_simulation_is_stored_and_run(console: Console, design: Design) -> None:
    other = design(name="other")
    fields = form(other, {"agent_count": 4}, **START, name="new")
    fields["stages-INITIAL_FORMS"] = 0
    answer = console(Role.OPERATOR).post("/admin/simulations/simulation/add/", fields)
    execution = Execution.objects.get()
    assert answer["Location"] == address(execution)
    assert (execution.simulation.name, plan_of(execution).agents) == ("new", 4)


@pytest.mark.parametrize("change", [{"agent_count": 0}, {"min_success": 101}])
def test_invalid_edits_are_kept_and_start_nothing(
    console: Console, design: Design, change: dict[str, Any]
) -> None:
    simulation = design(1)
    row = {"old": 1, "position": 1, **change}
    values = {"description": "still here", **START}
    answer = console(Role.OPERATOR).post(page(simulation), form(simulation, row, **values))
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "still here" in text
    assert "Nothing was stored or started." in text
    assert not Execution.objects.exists()
    # Corrected, the same page starts it.
    row = {"old": 1, "position": 1, "agent_count": 2}
    console(Role.OPERATOR).post(page(simulation), form(simulation, row, **values))
    assert plan_of(Execution.objects.get()).agents == 2


def test_a_refused_start_stores_nothing_and_names_the_stage(
    console: Console, design: Design, template: Template
) -> None:
    simulation = design(1)
    Template.objects.filter(pk=template.pk).update(topics=["/nowhere"])
    row = {"old": 1, "position": 1, "agent_count": 7}
    answer = console(Role.OPERATOR).post(page(simulation), form(simulation, row, **START))
    assert "topics that its rosbag cannot play: /nowhere" in answer.content.decode()
    [problem] = answer.context["preview"].problems
    assert (problem.anchor, problem.place) == ("stages-0", "Stage 1, Template")
    assert agents(simulation) == [1]
    assert not Execution.objects.exists()


def test_a_running_simulation_keeps_the_edits_of_a_refused_start(
    console: Console, design: Design
) -> None:
    simulation = design(1)
    lifecycle.start(simulation)
    row = {"old": 1, "position": 1, "agent_count": 7}
    answer = console(Role.OPERATOR).post(page(simulation), form(simulation, row, **START))
    assert "The simulation is running" in answer.content.decode()
    assert 'value="7"' in answer.content.decode()
    assert agents(simulation) == [1]


@pytest.mark.parametrize("concurrent", [True, False])
def test_a_double_click_starts_one_execution(
    console: Console, design: Design, concurrent: bool
) -> None:
    simulation, operator = design(1), console(Role.OPERATOR)
    designs.update_simulation(simulation, concurrent_executions=concurrent)
    shown = operator.get(page(simulation)).context["adminform"].form
    values = {name: shown[name].value() for name in ("start_key", "read_at")}
    row = {"old": 1, "position": 1, "agent_count": 2}
    fields = form(simulation, row, **values, _start="yes")
    if concurrent:
        fields["concurrent_executions"] = "on"
    first, second = operator.post(page(simulation), fields), operator.post(page(simulation), fields)
    assert first["Location"] == second["Location"] == address(Execution.objects.get())
    again = {**fields, "start_key": "b" * 32, "read_at": ""}
    assert (operator.post(page(simulation), again).status_code == 302) is concurrent


def test_a_second_click_during_a_slow_start_is_answered_in_words(
    console: Console, design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    def still_starting(*_args: Any) -> None:
        raise IdempotencyInProgressError

    monkeypatch.setattr("accounts.services.idempotency.run", still_starting)
    simulation, operator = design(1), console(Role.OPERATOR)
    fields = form(simulation, {"old": 1, "position": 1}, **START)
    answer = operator.post(page(simulation), fields, follow=True)
    assert str(IdempotencyInProgressError()) in html.unescape(answer.content.decode())


def test_an_unchanged_design_is_started_and_not_written(console: Console, design: Design) -> None:
    simulation = design(2)
    row = {"old": 1, "position": 1, "agent_count": 2}
    console(Role.OPERATOR).post(page(simulation), form(simulation, row, **START))
    assert Execution.objects.exists()
    assert Simulation.objects.get().updated_at == simulation.updated_at


def test_viewers_start_nothing(console: Console, design: Design) -> None:
    simulation, viewer = design(1), console(Role.VIEWER)
    assert 'name="_start"' not in viewer.get(page(simulation)).content.decode()
    answer = viewer.post(page(simulation), form(simulation, {"old": 1, "position": 1}, **START))
    assert answer.status_code == 403
    assert not Execution.objects.exists()


def test_a_role_that_only_starts_starts_what_is_stored(
    console: Console, design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation, operator = design(1), console(Role.OPERATOR)
    monkeypatch.setattr(
        "simulations.admin.simulations.SimulationAdmin.has_change_permission",
        lambda *_args, **_more: False,
    )
    text = operator.get(page(simulation)).content.decode()
    assert f"{simulation.pk}/act/start/" in text
    assert 'name="_start"' not in text
    answer = operator.post(f"/admin/simulations/simulation/{simulation.pk}/act/start/")
    assert answer["Location"] == address(Execution.objects.get())


def test_a_deleted_template_is_refused_while_saving(
    console: Console, design: Design, template: Template
) -> None:
    simulation = design(1)
    templates.delete(template)
    row = {"old": 1, "position": 1, "template": template.pk}
    answer = console(Role.OPERATOR).post(page(simulation), form(simulation, row, **START))
    assert "or it was deleted: choose another." in answer.content.decode()
    assert not Execution.objects.exists()
