"""What plans say of units on Kubernetes, and plans that meet another backend than theirs."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from simulations.backends.base import Capacity, Placement, Resources, Toleration
from simulations.models import Execution, Mec, Stage
from simulations.services.designs import resource_checks
from simulations.services.designs.room import Room
from simulations.services.plan import plan_of
from simulations.services.runs import lifecycle
from simulations.services.start_checks import stages_of
from simulations.tests.conftest import Console, Design
from templates.models import Template

TOLERATION = {"key": "robots", "operator": "Exists", "value": "", "effect": "NoSchedule"}
MIB = 2**20
IMAGE = "registry.example.org/agent:7"


@pytest.fixture
def cluster(settings: Any, mec: Mec) -> Any:
    settings.BACKEND, settings.AGENT_IMAGE = "kubernetes", IMAGE
    Mec.objects.update(node_selector={"site": "north"}, tolerations=[TOLERATION])
    return settings


def started(design: Design) -> Execution:
    execution = lifecycle.start(design(25))
    Execution.objects.update(status="COMPLETED")
    return execution


def test_the_plan_has_image_placement_and_resources(
    cluster: Any, design: Design, template: Template
) -> None:
    Template.objects.update(agent_cpu=20, agent_memory=5)
    plan = plan_of(started(design))
    assert (plan.backend, plan.image) == ("kubernetes", IMAGE)
    assert plan.placement == Placement({"site": "north"}, (Toleration(**TOLERATION),))
    assert plan.stages[0].resources == Resources(
        cpu=10 + 10 * 20, cpu_limit=500 + 10 * 80, memory=34 + 10 * 5, memory_limit=34 + 256 + 100
    )


def test_locally_the_plan_has_none_of_it(design: Design, template: Template) -> None:
    Template.objects.update(agent_cpu=20)
    plan = plan_of(started(design))
    assert (plan.backend, plan.image, plan.placement) == ("local", "", Placement())
    assert plan.stages[0].resources is None


def test_plans_of_versions_without_it_are_read(design: Design) -> None:
    execution = started(design)
    del execution.plan["image"], execution.plan["placement"]
    del execution.plan["stages"][0]["resources"]
    assert plan_of(execution).stages[0].resources is None


def test_the_same_backend_repeats_the_plan_as_it_is(cluster: Any, design: Design) -> None:
    execution = started(design)
    cluster.AGENT_IMAGE = "registry.example.org/agent:8"
    Mec.objects.update(node_selector={})
    again = lifecycle.start_again(execution)
    assert plan_of(again) == plan_of(execution)


def test_another_backend_repeats_it_with_values_of_now(
    design: Design, mec: Mec, settings: Any
) -> None:
    execution = started(design)
    settings.BACKEND, settings.AGENT_IMAGE = "kubernetes", IMAGE
    Stage.objects.all().delete()
    Template.objects.all().delete()  # its values are then the defaults
    plan = plan_of(lifecycle.start_again(execution))
    assert (plan.backend, plan.image) == ("kubernetes", IMAGE)
    assert plan.stages[0].resources == Resources(20, 540, 44, 310)
    settings.BACKEND = "local"
    Execution.objects.update(status="COMPLETED")
    back = plan_of(lifecycle.start_again(Execution.objects.latest("pk")))
    assert back == plan_of(execution)


def test_the_page_before_says_so(
    console: Console, operator: APIClient, design: Design, cluster: Any
) -> None:
    execution = started(design)
    path = f"/admin/simulations/execution/{execution.pk}"
    assert "another backend" not in console(Role.OPERATOR).get(f"{path}/again/").content.decode()
    cluster.BACKEND = "local"
    page = console(Role.OPERATOR).get(f"{path}/again/").content.decode()
    for text in ("another backend", IMAGE, "site=north; also with the taints robots:NoSchedule"):
        assert text in page
    answer = operator.get(f"/api/v1/executions/{execution.pk}/plan-difference").json()
    assert [(row["stage"], row["field"]) for row in answer["differences"]] == [
        (None, "backend"),
        (None, "image"),
        (None, "placement"),
        (1, "resources"),
    ]


def test_the_plan_is_shown_in_words(console: Console, cluster: Any, design: Design) -> None:
    execution = started(design)
    url = f"/admin/simulations/execution/{execution.pk}/panels/"
    page = console(Role.VIEWER).get(url, {"names": "plan"}).json()["html"]["plan"]
    for text in (IMAGE, "site=north", "0.02 cores and 44.0 MiB; at most 0.54 cores and 310.0 MiB"):
        assert text in page


def test_the_preview_shows_what_units_request(
    console: Console, cluster: Any, design: Design
) -> None:
    simulation = design(25, 10, pattern="parallel")
    url = f"/admin/simulations/simulation/{simulation.pk}/change/"
    page = console(Role.OPERATOR).get(url).content.decode()
    assert "units: 3, requesting 0.06 cores and 132.0 MiB" in page
    assert "CPU requested at once</dt><dd>0.08 cores" in page
    assert "Memory requested at once</dt><dd>176.0 MiB" in page
    cluster.BACKEND = "local"
    assert "request" not in console(Role.OPERATOR).get(url).content.decode().partition("gantt")[2]


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (Capacity(0.06, 132 * MIB, None), [("OK", "CPU"), ("OK", "MEMORY")]),
        (Capacity(0.05, 131 * MIB, None), [("ERROR", "SCARCE"), ("ERROR", "SCARCE")]),
        (Capacity(), [("UNKNOWN", "ROOM_UNKNOWN"), ("UNKNOWN", "ROOM_UNKNOWN")]),
    ],
)
def test_requests_are_compared_with_the_room(
    cluster: Any,
    design: Design,
    monkeypatch: pytest.MonkeyPatch,
    room: Capacity,
    expected: list[tuple[str, str]],
) -> None:
    """Of sequential stages the larger one counts."""
    monkeypatch.setattr(resource_checks, "room", lambda: Room(room))
    simulation = design(10, 25)
    found = resource_checks.resource_checks(simulation, stages_of(simulation))
    checks = {check.check: check for check in found}
    assert [(checks[name].status, checks[name].code) for name in ("CPU", "MEMORY")] == expected
    assert checks["MEMORY"].values["needed"] == 132 * MIB
    assert "Units request 132.0 MiB at once" in checks["MEMORY"].text
