"""Early answers say what the views say, for each view that is registered, and refuse nobody by themselves."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, reverse

from accounts.choices import Role
from accounts.models import User
from accounts.services.bearers import issue_access
from common.rest.reads.early import find
from common.rest.reads.views import Reads
from robotsim_project.access import ADMIN, TABLE
from robotsim_project.middleware import early
from simulations.choices import EventKind
from simulations.models import Execution, Simulation
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.events import record_event
from simulations.services.progress import progress
from simulations.services.runs import lifecycle, tokens
from storage.models import Rosbag, RosbagTopic
from templates.models import Template
from tests.api.test_access import ADDRESSES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]

EARLY_READS = {"execution-detail", "execution-progress"}
EARLY_POSTS = {"unit-report", "unit-echo"}
READS = {
    *("execution-list", "execution-detail", "simulation-list", "simulation-detail"),
    *("template-list", "template-detail"),
}
VARYING = {"X-Request-ID", "Allow"}
"""Headers that differ: `Allow` says which methods a view has, which nobody needs who gets an answer."""


def registered(pattern: URLPattern) -> set[str]:
    """How a view is registered: `early`, `reads`."""
    view: Any = pattern.callback
    action = getattr(view, "actions", {}).get("get")
    cls = getattr(view, "cls", object)
    is_early = hasattr(view, "is_early") or action in getattr(cls, "early", {})
    is_read = issubclass(cls, Reads) and action in {"list", "retrieve"}
    return {name for name, said in (("early", is_early), ("reads", is_read)) if said}


def test_each_registered_view_is_tested_here() -> None:
    views = [(route, registered(pattern)) for route, pattern in ADDRESSES]
    assert {route for route, how in views if "early" in how} == EARLY_READS | EARLY_POSTS
    assert {route for route, how in views if "reads" in how} == READS


@pytest.fixture(autouse=True)
def one_host(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]


@pytest.fixture(autouse=True)
def kept_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computed progress stays fresh: a test may take longer than a second."""
    monkeypatch.setattr(progress, "FRESH_SECONDS", 3600)


@pytest.fixture
def simulation() -> Simulation:
    rosbag = Rosbag.objects.create(name="drive", status="ready", content_digest="d" * 64)
    RosbagTopic.objects.create(rosbag=rosbag, name="/odom", type="T", message_count=10)
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
def client(viewer: User) -> Client:
    token, _ends = issue_access(viewer)
    return Client(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def early_answers(monkeypatch: pytest.MonkeyPatch) -> list[HttpResponseBase | None]:
    """The early answers of the middleware; None for each request that it let pass."""
    answers: list[HttpResponseBase | None] = []
    original = early.answer

    def recorded(request: Any) -> HttpResponseBase | None:
        answers.append(original(request))
        return answers[-1]

    monkeypatch.setattr(early, "answer", recorded)
    return answers


@pytest.fixture
def both_ways(
    monkeypatch: pytest.MonkeyPatch, early_answers: list[Any]
) -> Callable[[Callable[[], Any]], tuple[Any, Any]]:
    """Send a request twice: answered early, and by the view with all layers."""

    def sent(send: Callable[[], Any]) -> tuple[Any, Any]:
        first = send()
        assert early_answers[-1] is first
        with monkeypatch.context() as patch:
            patch.setattr(early, "answer", lambda _request: None)
            return first, send()

    return sent


def path_of(route: str, execution: Execution) -> str:
    keys = {
        "execution": execution.pk,
        "simulation": execution.simulation_id,
        "template": Template.objects.get(name="driver").pk,
    }
    is_list = route.endswith("-list")
    return reverse(route, args=[] if is_list else [keys[route.partition("-")[0]]])


def end(execution: Execution) -> None:
    for status in ("PREPARING", "RUNNING", "FINALIZING", "COMPLETED"):
        before = ["PENDING", "PREPARING", "RUNNING", "FINALIZING"]
        lifecycle.move_execution(execution, before, status)


def headers_of(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.items() if name not in VARYING}


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("route", sorted(EARLY_READS))
def test_early_reads_say_what_their_views_say(
    route: str,
    ended: bool,
    language: str,
    execution: Execution,
    client: Client,
    both_ways: Any,
) -> None:
    if ended:
        end(execution)
    path = path_of(route, execution)
    spoken = {"Accept-Language": language}
    first, second = both_ways(lambda: client.get(path, headers=spoken))
    assert (first.status_code, first.content) == (200, second.content)
    assert headers_of(first) == headers_of(second)
    assert (first["Vary"], first["Content-Language"]) == ("Accept-Language", language)
    tagged = {**spoken, "If-None-Match": first["ETag"]}
    first, second = both_ways(lambda: client.get(path, headers=tagged))
    assert (first.status_code, first.content) == (304, b"")
    assert headers_of(first) == headers_of(second)


@pytest.mark.parametrize("route", sorted(EARLY_READS))
def test_a_tag_holds_until_the_execution_changes(
    route: str, execution: Execution, client: Client
) -> None:
    end(execution)
    path = path_of(route, execution)
    tag = client.get(path)["ETag"]
    record_event(execution.pk, EventKind.UNIT_RETRIED)
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


REFUSED = [
    (401, {"Authorization": ""}),
    (401, {"Authorization": "Bearer x"}),
    (401, {"Authorization": "Bearer x y"}),
    (401, {"Authorization": "Basic eDp5"}),
    (406, {"Accept": "text/csv"}),
    (400, {"Host": "evil.example"}),
]


@pytest.mark.parametrize(("status", "headers"), REFUSED)
@pytest.mark.parametrize("route", sorted(EARLY_READS))
def test_refused_callers_are_refused_by_the_view(
    route: str,
    status: int,
    headers: dict[str, str],
    execution: Execution,
    client: Client,
    early_answers: list[Any],
) -> None:
    assert client.get(path_of(route, execution), headers=headers).status_code == status
    assert early_answers == [None]


@pytest.mark.parametrize("route", sorted(EARLY_READS))
def test_a_closed_account_and_a_missing_row_are_refused_by_the_view(
    route: str, execution: Execution, viewer: User, client: Client, early_answers: list[Any]
) -> None:
    path = path_of(route, execution)
    assert client.get(path.replace(str(execution.pk), "99999999")).status_code == 404
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert client.get(path).status_code == 401
    assert early_answers == [None, None]


def test_the_access_table_counts(
    execution: Execution, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TABLE, "execution-detail", {"GET": ADMIN})
    assert client.get(path_of("execution-detail", execution)).status_code == 403
    assert client.get(path_of("execution-progress", execution)).status_code == 200


def test_other_methods_and_queries_go_to_the_view(
    execution: Execution, client: Client, early_answers: list[Any]
) -> None:
    path = path_of("execution-detail", execution)
    assert client.post(path).status_code == 405
    assert client.get(path, {"x": "1"}).status_code == 200
    assert client.head(path).status_code == 200
    assert early_answers == [None, None, None]


def test_logged_requests_go_to_the_view(
    execution: Execution, client: Client, early_answers: list[Any], caplog: Any
) -> None:
    with caplog.at_level("INFO", logger="django_structlog"):
        assert client.get(path_of("execution-detail", execution)).status_code == 200
    assert early_answers == [None]


def test_a_database_that_is_away_is_said_at_once(
    execution: Execution, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_token: str) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(early, "authenticate_bearer", away)
    response = client.get(path_of("execution-detail", execution))
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "DATABASE_UNAVAILABLE"


@pytest.mark.parametrize(
    ("status", "token", "body"), [(401, False, b"{}"), (400, True, b"{"), (413, True, b" " * 2**23)]
)
@pytest.mark.parametrize("route", sorted(EARLY_POSTS))
def test_early_posts_say_what_their_views_say(
    route: str, status: int, token: bool, body: bytes, early_answers: list[Any], both_ways: Any
) -> None:
    signed = {"Authorization": f"Unit {tokens.token_for(1)}"} if token else {}
    client, path = Client(headers=signed), reverse(route)
    first, second = both_ways(lambda: client.post(path, body, content_type="application/json"))
    assert (first.status_code, first.content) == (status, second.content)
    assert headers_of(first) == headers_of(second)
    assert client.get(path).status_code == 405
    assert early_answers == [first, None]


@pytest.mark.parametrize("route", sorted(READS - EARLY_READS))
def test_compiled_statements_find_what_the_orm_finds(
    route: str, execution: Execution, client: Client
) -> None:
    path = path_of(route, execution)
    assert find(path) is None
    asked = {"page_size": "50"} if route.endswith("-list") else {"x": "1"}
    compiled, usual = client.get(path), client.get(path, asked)
    assert (compiled.status_code, compiled.content) == (200, usual.content)


@pytest.mark.parametrize("route", ["execution-list", "simulation-list", "template-list"])
def test_the_first_page_of_a_list_leads_to_the_next(
    route: str, simulation: Simulation, execution: Execution, client: Client
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
    first = client.get(reverse(route)).json()
    usual = client.get(reverse(route), {"page_size": "50"}).json()
    assert first["results"] == usual["results"]
    assert len(first["results"]) == 50
    assert first["next"] == usual["next"].replace("page_size=50&", "").replace("&page_size=50", "")
    assert client.get(first["next"]).json()["results"]


@pytest.mark.parametrize("route", ["simulation-detail", "template-detail"])
def test_deleted_rows_are_not_found(route: str, execution: Execution, client: Client) -> None:
    path = path_of(route, execution)
    assert client.get(path).status_code == 200
    for model in (Simulation, Template):
        model.objects.update(deleted_at=execution.created_at)
    assert client.get(path).status_code == 404
    assert client.get(path, {"deleted": "true"}).status_code == 200
