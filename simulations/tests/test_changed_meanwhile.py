"""Two people edit one simulation: the later form is refused once and keeps its edits."""

import re
from datetime import timedelta
from typing import Any

import pytest

from accounts.choices import Role
from simulations.exceptions import SimulationChangedError
from simulations.models import Execution, Simulation
from simulations.services.designs import simulations as designs
from simulations.services.designs.simulations import StageSpec
from simulations.services.maintenance import deletion
from simulations.tests.conftest import Console, Design
from simulations.tests.test_console_simulations import agents, form, page
from templates.models import Template

SENTENCE = "This simulation was changed after you opened this page"


def opened(client: Any, simulation: Simulation) -> dict[str, Any]:
    shown = client.get(page(simulation)).context["adminform"].form
    return {name: shown[name].value() for name in ("read_at", "start_key")}


def changed_by_another(simulation: Simulation, template: Template) -> None:
    designs.update_simulation(
        Simulation.objects.get(), stages=[StageSpec(template=template, agent_count=50)]
    )


@pytest.mark.parametrize("button", ["_continue", "_start"])
def test_a_form_of_before_does_not_overwrite(
    console: Console, design: Design, template: Template, button: str
) -> None:
    simulation, operator = design(1, 2), console(Role.OPERATOR)
    hidden = opened(operator, simulation)
    rows = [{"old": 1, "position": 1, "agent_count": 7}, {"old": 2, "position": 2}]
    fields = form(simulation, *rows, **hidden, **{button: "yes"})
    changed_by_another(simulation, template)
    answer = operator.post(page(simulation), fields)
    text = answer.content.decode()
    assert SENTENCE in text
    assert agents(simulation) == [50]
    assert not Execution.objects.exists()
    # All of the edits are still there, and sent again they replace what is stored.
    [stages] = answer.context["inline_admin_formsets"]
    assert [row["agent_count"].value() for row in stages.formset.forms] == ["7", "2"]
    fields["read_at"] = answer.context["adminform"].form["read_at"].value()
    assert operator.post(page(simulation), fields).status_code == 302
    assert agents(simulation) == [7, 2]


def test_the_preview_says_so_while_it_is_edited(
    console: Console, design: Design, template: Template
) -> None:
    simulation, operator = design(1), console(Role.OPERATOR)
    fields = form(simulation, {"position": 1}, **opened(operator, simulation))
    changed_by_another(simulation, template)
    address = f"/admin/simulations/simulation/{simulation.pk}/preview/"
    assert SENTENCE in operator.post(address, fields).content.decode()


def test_the_service_compares_and_sets(design: Design) -> None:
    simulation = design(1)
    before = simulation.updated_at - timedelta(seconds=1)
    with pytest.raises(SimulationChangedError):
        designs.update_simulation(simulation, unchanged_since=before, description="x")
    designs.update_simulation(simulation, unchanged_since=simulation.updated_at, description="x")
    assert Simulation.objects.get().description == "x"


def test_a_simulation_deleted_meanwhile_is_not_changed(console: Console, design: Design) -> None:
    simulation, operator = design(1), console(Role.OPERATOR)
    fields = form(simulation, {"position": 1}, **opened(operator, simulation), _start="yes")
    deletion.request(simulation)
    assert operator.post(page(simulation), fields).status_code == 403
    Simulation.objects.all().delete()
    assert operator.post(page(simulation), fields).status_code == 302
    assert not Execution.objects.exists()


def test_the_history_names_what_changed(console: Console, design: Design) -> None:
    simulation, admin = design(1, 2), console(Role.ADMIN)
    rows = [{"old": 1, "position": 1, "agent_count": 9}]
    admin.post(page(simulation), form(simulation, *rows))
    text = admin.get(f"/admin/simulations/simulation/{simulation.pk}/history/").content.decode()
    cells = re.findall(r'data-label="(?:Field|Before|After)">([^<]*)<', text)
    assert (cells[0], cells[2]) == ("stages", "1: agents 9")
    assert cells[1].startswith("1: agents 1; 2: template")
