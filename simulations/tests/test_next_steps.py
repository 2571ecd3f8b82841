"""Each page offers the next step to those who may take it: rosbag, template, simulation, execution."""

from typing import Any

import pytest
from django.test import Client

from accounts.choices import Role
from simulations.models import Execution, Recording
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design, ended_execution
from storage.models import Rosbag
from templates.models import Template

ADD = "/admin/simulations/simulation/add/"


@pytest.fixture
def operator(console: Console) -> Client:
    return console(Role.OPERATOR)


def page(row: Any) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_steps_of_a_rosbag_and_a_template(
    console: Console, role: Role, rosbag: Rosbag, template: Template
) -> None:
    client, may = console(role), role != Role.VIEWER
    texts = text_of(client, page(rosbag)), text_of(client, page(template))
    steps = (
        (texts[0], f"/admin/templates/template/add/?rosbag={rosbag.pk}"),
        (texts[0], f"/admin/simulations/simulation/quick-run/?rosbag={rosbag.pk}"),
        (texts[1], f"{ADD}?template={template.pk}"),
    )
    assert [step in text for text, step in steps] == [may] * 3
    Rosbag.objects.update(status="rejected")
    assert "?rosbag=" not in text_of(client, page(rosbag))


def test_the_message_after_saving_has_the_step(operator: Client, rosbag: Rosbag) -> None:
    form = {"name": "new", "rosbag": rosbag.pk, "rate": 1, "unsupported_topics": "refuse"}
    answer = operator.post("/admin/templates/template/add/", form, follow=True)
    template = Template.objects.get()
    message = str(next(iter(answer.context["messages"])))
    assert f'<a href="{ADD}?template={template.pk}">Simulate</a>' in message


def test_simulate_opens_a_form_with_one_stage(
    operator: Client, template: Template, mec: Any
) -> None:
    answer = operator.get(f"{ADD}?template={template.pk}")
    form = answer.context["adminform"].form
    assert (form["name"].value(), form["mec"].value()) == ("driver", mec.pk)
    (stages,) = (inline.formset for inline in answer.context["inline_admin_formsets"])
    (stage,) = stages.forms
    assert (stage["template"].value(), stage["agent_count"].value()) == (template.pk, 20)
    assert f'<option value="{template.pk}" selected>driver</option>' in answer.content.decode()
    for odd in ("x", "9" * 30, "0"):
        assert operator.get(f"{ADD}?template={odd}").status_code == 200


def test_recordings_of_an_ended_execution(operator: Client, design: Design, rosbag: Rosbag) -> None:
    execution = ended_execution(design())
    stage_run = execution.stage_runs.get()
    assert "Open the recording" not in text_of(operator, page(execution))
    Recording.objects.create(stage_run=stage_run, unit=0, rosbag=rosbag, status="STORED")
    assert f'href="{page(rosbag)}">Open the recording<' in text_of(operator, page(execution))
    other = Rosbag.objects.create(name="two", status="ready")
    Recording.objects.create(stage_run=stage_run, unit=1, rosbag=other, status="STORED")
    text = text_of(operator, page(execution))
    assert "Open the recordings" in text
    Execution.objects.update(status="RUNNING")
    assert "Open the recording" not in text_of(operator, page(execution))


def test_a_template_says_by_what_it_is_used_also_before_it_is_deleted(
    operator: Client, design: Design, template: Template, rosbag: Rosbag
) -> None:
    delete = f"/admin/templates/template/{template.pk}/delete/"
    assert "No simulation uses this template" in text_of(operator, page(template))
    assert "It is used" not in text_of(operator, delete)
    execution = lifecycle.start(design())
    shown = text_of(operator, page(template))
    assert page(execution.simulation) in shown
    assert page(execution) in shown
    assert page(template) in text_of(operator, page(rosbag))
    Execution.objects.update(status="COMPLETED")
    assert page(execution) not in text_of(operator, page(template))
    assert page(execution.simulation) in text_of(operator, delete)
