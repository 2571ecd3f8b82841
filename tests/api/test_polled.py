"""The short way for what is polled says what the usual way says, and refuses nobody by itself."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from accounts.choices import Role
from accounts.models import User
from accounts.services.bearers import issue_access
from robotsim_project.access import ADMIN, TABLE
from robotsim_project.middleware import polled
from simulations.choices import EventKind
from simulations.models import Execution, Simulation
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.events import record_event
from simulations.services.progress import progress
from simulations.services.runs import lifecycle
from storage.models import Rosbag
from templates.models import Template

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]
OF_ONE = ["execution-detail", "execution-progress", "simulation-detail"]
ADDRESSES = [*OF_ONE, "execution-list", "simulation-list", "template-list"]


@pytest.fixture(autouse=True)
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was computed stays fresh: a test may take longer than a second."""
    monkeypatch.setattr(progress, "FRESH_SECONDS", 3600)


@pytest.fixture
def simulation() -> Simulation:
    rosbag = Rosbag.objects.create(name="drive", status="ready", content_digest="d" * 64)
    template = Template.objects.create(name="driver", rosbag=rosbag)
    mec = mecs.ensure("nowhere", name="Nowhere", transport="null")
    stages = [StageSpec(template=template, agent_count=2)]
    return create_simulation(name="drive", pattern="sequential", mec=mec, stages=stages)


@pytest.fixture
def execution(simulation: Simulation, viewer: User) -> Execution:
    return lifecycle.start(simulation, requested_by=viewer)


@pytest.fixture
def viewer() -> User:
    return User.objects.create_user("kim@example.org", "pw", role=Role.VIEWER)


@pytest.fixture
def ask(viewer: User) -> Callable[..., Any]:
    token, _ends = issue_access(viewer)

    def get(address: str, execution: Execution, beyond: int = 0, **headers: str) -> Any:
        pk = execution.simulation_id if address == "simulation-detail" else execution.pk
        signed = {"Authorization": f"Bearer {token}", **headers}
        args = [pk + beyond] if address in OF_ONE else []
        return Client(headers=signed).get(reverse(address, args=args))

    return get


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From here on all goes the usual way."""
    return lambda: monkeypatch.setattr(polled, "quick", lambda _request: None)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the short way has answered."""
    answers: list[Any] = []
    short = polled.quick

    def heard(request: Any) -> Any:
        answers.append(short(request))
        return answers[-1]

    monkeypatch.setattr(polled, "quick", heard)
    return answers


def end(execution: Execution) -> None:
    for status in ("PREPARING", "RUNNING", "FINALIZING", "COMPLETED"):
        lifecycle.move_execution(
            execution, ["PENDING", "PREPARING", "RUNNING", "FINALIZING"], status
        )


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("address", ADDRESSES)
def test_both_ways_say_the_same(
    address: str,
    ended: bool,
    execution: Execution,
    ask: Callable[..., Any],
    quick: list[Any],
    usual: Callable[[], None],
) -> None:
    if ended:
        end(execution)
    short = ask(address, execution)
    assert quick == [short]
    usual()
    long = ask(address, execution)
    assert (short.status_code, short.content) == (200, long.content)
    for name in (
        "Content-Type",
        "Content-Length",
        "ETag",
        "X-Frame-Options",
        "X-Content-Type-Options",
    ):
        assert short[name] == long[name]


@pytest.mark.parametrize("address", OF_ONE[:2])
def test_who_knows_the_tag_is_told_that_nothing_has_changed(
    address: str, execution: Execution, ask: Callable[..., Any], quick: list[Any]
) -> None:
    end(execution)
    tag = ask(address, execution)["ETag"]
    again = ask(address, execution, **{"If-None-Match": tag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    record_event(execution.pk, EventKind.UNIT_RETRIED)
    assert ask(address, execution, **{"If-None-Match": tag}).status_code == 200
    assert None not in quick


@pytest.mark.parametrize("address", OF_ONE)
def test_the_usual_way_refuses(
    address: str, execution: Execution, viewer: User, ask: Callable[..., Any], quick: list[Any]
) -> None:
    assert ask(address, execution, 1).status_code == 404
    assert ask(address, execution, Authorization="Bearer x").status_code == 401
    assert ask(address, execution, Authorization="").status_code == 401
    assert ask(address, execution, Accept="text/csv").status_code == 406
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert ask(address, execution).status_code == 401
    assert quick == [None] * 5


def test_a_right_that_the_table_does_not_grant_is_not_granted(
    execution: Execution, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TABLE, "execution-detail", {"GET": ADMIN})
    assert ask("execution-detail", execution).status_code == 403
    assert ask("execution-progress", execution).status_code == 200


def test_other_methods_and_queries_go_the_usual_way(
    execution: Execution, viewer: User, quick: list[Any]
) -> None:
    token, _ends = issue_access(viewer)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    place = reverse("execution-detail", args=[execution.pk])
    assert client.post(place).status_code == 405
    assert client.get(place, {"x": "1"}).status_code == 200
    assert client.head(place).status_code == 200
    assert quick == [None, None, None]


@pytest.mark.parametrize("address", ["execution-list", "simulation-list", "template-list"])
def test_a_list_tells_where_it_goes_on(
    address: str,
    simulation: Simulation,
    execution: Execution,
    ask: Callable[..., Any],
    quick: list[Any],
    usual: Callable[[], None],
) -> None:
    stage = simulation.stages.get()
    for number in range(51):
        Template.objects.create(name=f"t{number}", rosbag=stage.template.rosbag)
        other = Simulation.objects.create(
            name=f"s{number}", pattern="sequential", mec=simulation.mec
        )
        Execution.objects.create(simulation=other, number=1, plan={})
    Simulation.objects.filter(name="s9").update(deleted_at=other.created_at)
    Template.objects.filter(name="t9").update(deleted_at=other.created_at)
    short = ask(address, execution).json()
    assert None not in quick
    usual()
    assert short == ask(address, execution).json()
    assert len(short["results"]) == 50
    assert short["next"].startswith("http://testserver/")


def test_a_deleted_simulation_is_not_found(execution: Execution, ask: Callable[..., Any]) -> None:
    assert ask("simulation-detail", execution).json()["stages"][0]["agent_count"] == 2
    Simulation.objects.update(deleted_at=execution.created_at)
    assert ask("simulation-detail", execution).status_code == 404


def test_a_database_away_is_told_at_once(
    execution: Execution, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_request: Any, _pk: int) -> None:
        raise OperationalError("gone")

    monkeypatch.setitem(polled.READERS, ("executions", True, False), ("execution-detail", away))
    answer = ask("execution-detail", execution)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert (answer["Content-Type"], answer.json()["code"]) == (
        "application/problem+json",
        "DATABASE_UNAVAILABLE",
    )
