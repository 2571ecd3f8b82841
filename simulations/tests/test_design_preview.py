"""The preview of a simulation's page: its answer to a form that is being edited, and who may ask."""

from typing import Any

import pytest

from accounts.choices import Role
from simulations.models import Mec, Simulation, Stage
from simulations.services.maintenance import deletion
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design
from simulations.tests.test_console_simulations import form, page
from templates.models import Template

ADD = "/admin/simulations/simulation/add/"


def preview(client: Any, simulation: Simulation, *rows: dict[str, Any], **values: Any) -> Any:
    address = f"/admin/simulations/simulation/{simulation.pk}/preview/"
    answer = client.post(address, form(simulation, *rows, **values))
    assert answer.status_code == 200
    return answer.context["preview"]


def test_edits_are_forecast_and_not_stored(console: Console, design: Design) -> None:
    simulation = design(1)
    rows = [{"position": 2, "agent_count": 3, "name": "last"}, {"position": 1, "agent_count": 2}]
    shown = preview(console(Role.OPERATOR), simulation, *rows)
    assert [bar.name for bar in shown.chart.bars] == ["driver", "last"]
    assert dict(shown.chart.facts)["Messages"] == "200"
    assert shown.problems == []
    assert Stage.objects.count() == 1


def test_start_errors_of_edits_name_their_stage(
    console: Console, design: Design, mec: Mec, template: Template
) -> None:
    simulation = design(1)
    Template.objects.filter(pk=template.pk).update(topics=["/nowhere"])
    Mec.objects.filter(pk=mec.pk).update(enabled=False)
    rows = [{"position": 9}, {"position": 1, "DELETE": "on"}]
    shown = preview(console(Role.OPERATOR), simulation, *rows)
    [disabled, topics] = shown.problems
    assert (disabled.anchor, topics.anchor, topics.place) == ("id_mec", "stages-0", "Stage 1")
    assert "is disabled" in disabled.text
    assert "/nowhere" in topics.text
    assert [bar.seconds for bar in shown.chart.bars] == ["unknown"]
    empty = preview(console(Role.OPERATOR), simulation).problems[0]
    assert "has no stage" in empty.text


def test_invalid_fields_are_named_and_the_rest_is_forecast(
    console: Console, design: Design, settings: Any
) -> None:
    settings.MAX_AGENTS = 100
    simulation = design(1)
    rows = [{"agent_count": 0}, {"agent_count": 2}, {"template": 10**6}]
    shown = preview(console(Role.OPERATOR), simulation, *rows, name="")
    places = [(problem.anchor, problem.place) for problem in shown.problems]
    assert places == [
        ("id_name", "Name"),
        ("stages-0", "Stage 1, Agents"),
        ("stages-2", "Stage 3, Template"),
    ]
    assert len(shown.chart.bars) == 1
    many = [{"agent_count": 101}, {"agent_count": 2}]
    texts = [
        problem.text for problem in preview(console(Role.OPERATOR), simulation, *many).problems
    ]
    assert texts == [
        "103 agents are more than the limit of 100: ask for fewer.",
        "Give a number from 1 to 100.",
    ]


def test_two_hundred_stages_are_refused_in_words(console: Console, design: Design) -> None:
    simulation, operator = design(1), console(Role.OPERATOR)
    rows: list[dict[str, Any]] = [{"position": n} for n in range(1, 201)]
    shown = preview(operator, simulation, *rows)
    assert [problem.text for problem in shown.problems] == ["A simulation has at most 100 stages."]
    answer = operator.post(page(simulation), form(simulation, *rows))
    assert "at most 100 stages" in answer.content.decode()
    assert operator.post(page(simulation), form(simulation, *rows[:100])).status_code == 302
    assert Stage.objects.count() == 100


def test_a_new_simulation_is_previewed(console: Console, design: Design, mec: Mec) -> None:
    simulation, operator = design(1), console(Role.OPERATOR)
    assert operator.get(ADD).status_code == 200
    fields = form(simulation, {"agent_count": 2}, name="new")
    shown = operator.post("/admin/simulations/simulation/preview/", fields).context["preview"]
    assert (shown.problems, len(shown.chart.bars)) == ([], 1)
    nothing = operator.post("/admin/simulations/simulation/preview/", form(simulation, mec=""))
    assert nothing.context["preview"].chart is None


@pytest.mark.parametrize("role", list(Role))
def test_preview_by_role(console: Console, design: Design, role: Role) -> None:
    simulation, client = design(1), console(role)
    status = 403 if role == Role.VIEWER else 200
    for address in ("", f"{simulation.pk}/"):
        url = f"/admin/simulations/simulation/{address}preview/"
        assert client.post(url, form(simulation)).status_code == status
        assert client.get(url).status_code == 405
    gone = client.post("/admin/simulations/simulation/99999/preview/")
    assert gone.status_code == (403 if role == Role.VIEWER else 404)
    deletion.request(simulation)
    assert client.post(f"/admin/simulations/simulation/{simulation.pk}/preview/").status_code == 403


@pytest.mark.parametrize("count", [1, 30])
def test_queries_are_constant(
    console: Console, design: Design, django_assert_max_num_queries: Any, count: int
) -> None:
    simulation, operator = design(*range(1, count + 1)), console(Role.OPERATOR)
    with django_assert_max_num_queries(12):
        assert operator.get(page(simulation)).status_code == 200
    fields = form(simulation, *({"position": n} for n in range(1, count + 1)))
    with django_assert_max_num_queries(14):
        operator.post(f"/admin/simulations/simulation/{simulation.pk}/preview/", fields)


@pytest.mark.parametrize("part", ["latest", "history"])
def test_executions_are_rendered_again(console: Console, design: Design, part: str) -> None:
    simulation, viewer = design(1), console(Role.VIEWER)
    url = f"/admin/simulations/simulation/{simulation.pk}/runs/{part}/"
    assert "#1" not in viewer.get(url).content.decode()
    lifecycle.start(simulation)
    assert "#1" in viewer.get(url).content.decode()
    assert viewer.get(url.replace(part, "other")).status_code == 404
    assert viewer.get(url.replace(f"/{simulation.pk}/", "/99999/")).status_code == 404


def test_a_running_simulation_is_not_ready(console: Console, design: Design) -> None:
    simulation, operator = design(1), console(Role.OPERATOR)
    lifecycle.start(simulation)
    assert operator.get(page(simulation)).context["preview"].is_running
    assert preview(operator, simulation, {"position": 1}).is_running
    assert not preview(operator, simulation, {}, concurrent_executions="on").is_running
