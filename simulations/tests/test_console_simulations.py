"""Simulations in the console: stages, actions by role, buttons, deleted ones."""

from typing import Any

import pytest

from accounts.choices import Role
from simulations import tasks
from simulations.choices import RunStatus
from simulations.models import Deletion, Execution, Simulation
from simulations.services.maintenance import deletion
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design
from templates.models import Template

URL = "/admin/simulations/simulation/"
ROLES = [(Role.VIEWER, False), (Role.OPERATOR, True), (Role.ADMIN, True)]


@pytest.fixture(autouse=True)
def no_worker(settings: Any) -> None:
    """Deletions are requested and not run."""


def page(simulation: Simulation) -> str:
    return f"{URL}{simulation.pk}/change/"


def form(simulation: Simulation, *rows: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return the fields that the page posts; `old` is the current position of a stage."""
    old = {stage.position: stage for stage in simulation.stages.all()}
    fields = {
        "name": simulation.name,
        "pattern": simulation.pattern,
        "mec": simulation.mec_id,
        "namespace_prefix": "/agent_",
        "stages-TOTAL_FORMS": len(rows),
        "stages-INITIAL_FORMS": len(old),
    }
    defaults = {"execution_time": 0, "repeat_count": 1, "delay_after": 0, "retries": 0}
    defaults |= {"min_success": 100, "template": Template.objects.get().pk, "agent_count": 1}
    defaults |= {"lost_messages_allowed": 0}
    for index, row in enumerate(rows):
        stage = defaults | row
        if "old" in row:
            kept = old[stage.pop("old")]
            stage |= {"id": kept.pk, "agent_count": row.get("agent_count", kept.agent_count)}
            stage["simulation"] = simulation.pk
        fields |= {f"stages-{index}-{name}": value for name, value in stage.items()}
    return fields | values


def agents(simulation: Simulation) -> list[int]:
    return list(simulation.stages.order_by("position").values_list("agent_count", flat=True))


def act(console: Any, name: str, *chosen: Simulation, deleted: bool = False) -> Any:
    data = {"action": name, "_selected_action": [row.pk for row in chosen], "post": "yes"}
    return console.post(URL + ("?deleted=yes" if deleted else ""), data)


def test_stages_are_ordered_by_position_added_and_deleted(console: Console, design: Design) -> None:
    simulation = design(11, 12, 13)
    operator = console(Role.OPERATOR)
    swapped = [{"old": 1, "position": 3}, {"old": 2, "position": 2}, {"old": 3, "position": 1}]
    assert operator.post(page(simulation), form(simulation, *swapped)).status_code == 302
    assert agents(simulation) == [13, 12, 11]
    changed: list[dict[str, Any]] = [
        {"old": 1, "position": 1, "DELETE": "on"},
        {"old": 2, "position": 9},
        {"old": 3, "position": 9},
        {"position": "", "agent_count": 20},
        {"position": 1, "agent_count": 10},
    ]
    assert operator.post(page(simulation), form(simulation, *changed)).status_code == 302
    assert agents(simulation) == [10, 12, 11, 20]
    assert [stage.position for stage in simulation.stages.order_by("position")] == [1, 2, 3, 4]


def test_errors_are_shown_at_their_fields(console: Console, design: Design, settings: Any) -> None:
    settings.MAX_AGENTS = 100
    simulation = design(1, 2)
    design(name="taken")
    operator = console(Role.OPERATOR)
    rows = [
        {"old": 1, "position": 2, "agent_count": 101},
        {"old": 2, "position": 1, "execution_time": 10**9},
    ]
    values = {"name": "taken", "namespace_prefix": "no slash"}
    answer = operator.post(page(simulation), form(simulation, *rows, **values))
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert errors["name"] == ["Another simulation has this name: choose another."]
    assert errors["namespace_prefix"] == ["Give a ROS 2 namespace such as /agent_."]
    [stages] = answer.context["inline_admin_formsets"]
    first, second = stages.formset.forms[:2]
    assert first.errors == {"agent_count": ["Give a number from 1 to 100."]}
    assert second.errors == {"execution_time": ["Give 0, or a number from 0.001 to 31,622,400."]}
    assert stages.formset.non_form_errors() == [
        "103 agents are more than the limit of 100: ask for fewer."
    ]
    assert agents(simulation) == [1, 2]


@pytest.mark.parametrize(("role", "may"), ROLES)
def test_actions_by_role(console: Console, design: Design, role: Role, may: bool) -> None:
    client, simulation, gone = console(role), design(name="one"), design(name="gone")
    deletion.request(gone)
    Deletion.objects.update(status="COMPLETED")
    act(client, "start", simulation)
    assert Execution.objects.exists() is may
    execution = Execution.objects.first() or lifecycle.start(simulation)
    act(client, "stop", simulation)
    execution.refresh_from_db()
    assert (execution.status == RunStatus.STOPPING) is may
    act(client, "clone", simulation)
    assert Simulation.objects.filter(name="one (2)").exists() is may
    act(client, "restore", gone, deleted=True)
    assert Simulation.objects.living().filter(pk=gone.pk).exists() is may
    other = design(name="other")
    act(client, "delete_selected", other)
    assert Simulation.objects.living().filter(pk=other.pk).exists() is not may


@pytest.mark.parametrize(("role", "may"), ROLES)
def test_buttons_by_role(console: Console, design: Design, role: Role, may: bool) -> None:
    client, simulation = console(role), design()
    shown = client.get(page(simulation)).content.decode()
    assert ('name="_start"' in shown) is may
    answer = client.post(f"{URL}{simulation.pk}/act/start/")
    assert answer.status_code == (302 if may else 403)
    assert Execution.objects.exists() is may
    assert client.post(f"{URL}{simulation.pk}/act/clone/").status_code == (302 if may else 403)
    assert client.post(f"{URL}{simulation.pk}/act/nothing/").status_code == 403
    assert client.post(f"{URL}99999/act/start/").status_code == (404 if may else 403)
    assert client.get(f"{URL}{simulation.pk}/act/start/").status_code == 405


def test_buttons_need_csrf_token(console: Console, design: Design) -> None:
    simulation, client = design(), console(Role.OPERATOR)
    client.handler.enforce_csrf_checks = True
    assert client.post(f"{URL}{simulation.pk}/act/start/").status_code == 403
    assert not Execution.objects.exists()


@pytest.mark.parametrize("role", list(Role))
def test_only_admins_purge(console: Console, design: Design, role: Role) -> None:
    client, simulation, gone = console(role), design(name="living"), design(name="gone")
    deletion.request(gone)
    act(client, "purge", simulation)
    act(client, "purge", gone, deleted=True)
    count = Deletion.objects.filter(permanent=True).count()
    assert count == (2 if role == Role.ADMIN else 0)
    pressed = client.post(f"{URL}{design(name='x').pk}/act/purge/", {"post": "yes"})
    assert pressed.status_code == (302 if role == Role.ADMIN else 403)


def test_purge_asks_for_confirmation(console: Console, design: Design) -> None:
    simulation, admin = design(name="<i>x</i>"), console(Role.ADMIN)
    chosen = {"action": "purge", "_selected_action": [simulation.pk]}
    answer = admin.post(URL, chosen)
    text = answer.content.decode()
    assert "cannot be undone" in text
    assert "&lt;i&gt;x" in text
    assert not Deletion.objects.exists()


def test_deleting_running_simulation_is_refused_with_message(
    console: Console, design: Design
) -> None:
    simulation, operator = design(), console(Role.OPERATOR)
    lifecycle.start(simulation)
    sentence = "It is running: stop its execution first"
    text = operator.get(f"{URL}{simulation.pk}/delete/").content.decode()
    assert sentence in text
    assert "This cannot be deleted now" in text
    chosen = {"action": "delete_selected", "_selected_action": [simulation.pk]}
    text = operator.post(URL, chosen).content.decode()
    assert sentence in text
    assert "Skipped: 1" in text
    answer = operator.post(f"{URL}{simulation.pk}/delete/", {"post": "yes"}, follow=True)
    assert "running" in answer.content.decode()
    assert Simulation.objects.living().exists()


def test_refused_start_and_stop_show_reason(console: Console, design: Design) -> None:
    simulation, operator = design(), console(Role.OPERATOR)
    simulation.stages.all().delete()
    answer = operator.post(f"{URL}{simulation.pk}/act/start/", follow=True)
    assert "“drive”: The simulation has no stage: add one." in answer.content.decode()
    answer = operator.post(f"{URL}{simulation.pk}/act/stop/", follow=True)
    assert "There is nothing to stop" in answer.content.decode()


def test_deleted_simulations_are_filtered_and_restorable(console: Console, design: Design) -> None:
    simulation, operator = design(name="gone"), console(Role.OPERATOR)
    answer = operator.post(f"{URL}{simulation.pk}/delete/", {"post": "yes"}, follow=True)
    assert ">gone<" not in answer.content.decode().split("messagelist")[-1].split("result_list")[-1]
    tasks.delete.func(Deletion.objects.get().pk)
    listed = operator.get(f"{URL}?deleted=yes").content.decode()
    assert "gone</a>" in listed
    assert 'value="restore"' in listed
    assert 'value="start"' not in listed
    shown = operator.get(page(simulation)).content.decode()
    assert "act/restore/" in shown
    assert "act/start/" not in shown
    assert 'name="_save"' not in shown
    assert operator.post(page(simulation), form(simulation)).status_code == 403
    assert operator.post(f"{URL}{simulation.pk}/act/restore/").status_code == 302
    assert Simulation.objects.living().exists()


def test_list_shows_counts_and_latest_execution(console: Console, design: Design) -> None:
    simulation = design(2, 3)
    execution = lifecycle.start(simulation)
    text = console(Role.VIEWER).get(URL).content.decode()
    assert 'class="n field-agents">5</td>' in text
    assert 'class="n field-stages">2</td>' in text
    assert f"/admin/simulations/execution/{execution.pk}/change/" in text
    assert "<progress" in text
