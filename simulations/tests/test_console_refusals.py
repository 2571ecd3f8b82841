"""Messages of the console when a service refuses, and the list of events."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from simulations.models import Execution, Mec, Simulation
from simulations.services.designs import simulations as designs
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design

PAGES = "/admin/simulations"


@pytest.fixture
def console(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_user("a@example.org", "x", role=Role.ADMIN))
    return client


def messages_of(answer: Any) -> list[tuple[str, str]]:
    return [(message.level_tag, str(message)) for message in get_messages(answer.wsgi_request)]


def form_of(simulation: Simulation, **values: Any) -> dict[str, Any]:
    stage = simulation.stages.get()
    fields = {
        "name": simulation.name,
        "pattern": simulation.pattern,
        "mec": simulation.mec_id,
        "namespace_prefix": "/agent_",
        "stages-TOTAL_FORMS": 1,
        "stages-INITIAL_FORMS": 1,
        "stages-0-id": stage.pk,
        "stages-0-simulation": simulation.pk,
        "stages-0-position": 1,
        "stages-0-template": stage.template_id,
        "stages-0-agent_count": 3,
        "stages-0-execution_time": 0,
        "stages-0-repeat_count": 1,
        "stages-0-delay_after": 0,
        "stages-0-retries": 0,
        "stages-0-min_success": 100,
        "stages-0-lost_messages_allowed": 0,
    }
    return fields | values


def test_name_taken_between_validation_and_save(
    console: Client, design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = design()
    checked = designs.field_errors

    def then_taken(*args: Any) -> Any:
        monkeypatch.setattr(designs, "field_errors", checked)
        design(name="rush")  # by somebody else, just now
        return checked(*args)

    monkeypatch.setattr(designs, "field_errors", then_taken)
    page = f"{PAGES}/simulation/{simulation.pk}/change/"
    answer = console.post(page, form_of(simulation, name="rush", description="still here"))
    assert answer.status_code == 200
    form = answer.context["adminform"].form
    assert form.errors["name"] == ["Another simulation has this name: choose another."]
    assert "still here" in answer.content.decode()
    simulation.refresh_from_db()
    assert simulation.name == "drive"


@pytest.mark.parametrize("field", ["mec", "stages-0-template"])
def test_id_that_no_database_holds(console: Client, design: Design, field: str) -> None:
    simulation = design()
    page = f"{PAGES}/simulation/{simulation.pk}/change/"
    answer = console.post(page, form_of(simulation, **{field: "1" * 30}))
    assert answer.status_code == 200
    assert "not one of the available choices" in answer.content.decode()


@pytest.mark.parametrize("way", ["page", "list"])
def test_deleting_used_mec_reports_no_success(
    console: Client, design: Design, mec: Mec, way: str
) -> None:
    design()
    if way == "page":
        answer = console.post(f"{PAGES}/mec/{mec.pk}/delete/", {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": [mec.pk], "post": "yes"}
        answer = console.post(f"{PAGES}/mec/", chosen)
    assert Mec.objects.filter(pk=mec.pk).exists()
    assert "success" not in [level for level, _sentence in messages_of(answer)]


def test_bulk_delete_skips_running_simulations(console: Client, design: Design) -> None:
    runs, idle = design(name="runs"), design(name="idle")
    lifecycle.start(runs)
    chosen = {
        "action": "delete_selected",
        "_selected_action": [runs.pk, idle.pk],
        "post": "yes",
    }
    answer = console.post(f"{PAGES}/simulation/", chosen)
    [(refused, sentence), (done, _sentence)] = messages_of(answer)
    assert (answer.status_code, refused, done) == (302, "error", "success")
    assert sentence.startswith("“runs”: ")
    console.get(f"{PAGES}/simulation/")  # shows them, so that they are not shown again
    answer = console.post(f"{PAGES}/simulation/{runs.pk}/delete/", {"post": "yes"})
    assert "success" not in [level for level, _sentence in messages_of(answer)]
    left = console.get(f"{PAGES}/simulation/").content.decode()
    assert ">runs<" in left
    assert ">idle<" not in left


def test_events_show_kind_and_time_in_seconds(console: Client, design: Design) -> None:
    execution = lifecycle.start(design())
    Execution.objects.filter(pk=execution.pk).update(failure_code="AGENT_HUNG")
    page = console.get(f"{PAGES}/event/").content.decode()
    first = execution.events.order_by("sequence")[0]
    assert first.time.strftime("%Y-%m-%d %H:%M:%S") in page
    assert f"drive #{execution.number}" in page
    shown = console.get(f"{PAGES}/execution/{execution.pk}/change/").content.decode()
    assert "AGENT_HUNG" in shown
    assert "driver, version 1" in shown
