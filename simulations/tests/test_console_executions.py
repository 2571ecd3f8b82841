"""Executions and their rows in the console: queries, contents and permissions."""

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.choices import Role
from agent.protocol import AgentReport, AgentState, Snapshot
from simulations.choices import EventKind, FailureCode, RunStatus
from simulations.live import snapshots
from simulations.models import (
    AgentRun,
    Deletion,
    Event,
    Execution,
    Mec,
    Recording,
    Simulation,
    StageRun,
)
from simulations.services.designs.simulations import StageSpec, update_simulation
from simulations.services.events import record_event
from simulations.services.maintenance import deletion
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design
from storage.models import Rosbag
from templates.models import Template

PAGES = "/admin/simulations"
URL = f"{PAGES}/execution/"


def running(design: Design, name: str, agents: int = 2) -> Execution:
    """An execution that has just been released."""
    execution = lifecycle.start(design(agents, name=name))
    lifecycle.move_execution(execution, [RunStatus.PENDING], RunStatus.RUNNING)
    lifecycle.move_stage(execution.stage_runs.get(), [RunStatus.PENDING], RunStatus.RUNNING)
    return execution


def report(execution: Execution, published: int) -> None:
    """Store a snapshot of its unit with two agents."""
    reports = tuple(
        AgentReport(number=number, state=AgentState("RUNNING"), published=published)
        for number in (1, 2)
    )
    stage = execution.stage_runs.get().pk
    fields = {"stage_run": stage, "unit": 0, "attempt": 1, "sequence": 1, "sent_ns": 1}
    snapshots.store(execution.pk, Snapshot(**fields, agents=reports))


def fail(execution: Execution) -> None:
    failed = {"failure_code": FailureCode.AGENT_HUNG, "failure_text": "unit 0 was <b>silent</b>"}
    lifecycle.move_execution(execution, [execution.status], RunStatus.FAILED, **failed)


def add_rows(execution: Execution, count: int) -> None:
    """Add agents, recordings with rosbags, and events to an execution."""
    stage = execution.stage_runs.first()
    assert stage is not None
    for number in range(AgentRun.objects.count(), AgentRun.objects.count() + count):
        agent = {"failure_code": "AGENT_LOST", "failure_text": "gone", "last_log": "<last>"}
        AgentRun.objects.create(stage_run=stage, number=number, unit=number, **agent)
        rosbag = Rosbag.objects.create(name=f"bag {number}", status="ready")
        recorded = {"status": "STORED", "rosbag": rosbag, "topics": ["/agent_1/odom"]}
        Recording.objects.create(stage_run=stage, unit=number, **recorded)
        record_event(execution.pk, EventKind.UNIT_LOST, payload={"unit": number})


def get_page(client: Client, address: str) -> tuple[str, list[str]]:
    """Load a page twice; return its text and the queries of the second time."""
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer.content.decode(), [query["sql"] for query in queries.captured_queries]


def page_urls() -> list[str]:
    """Return the URL of every list of the app, and of one row of each."""
    urls = []
    for model in (Mec, Simulation, Execution, StageRun, AgentRun, Recording, Event, Deletion):
        name = model._meta.model_name
        first = model._default_manager.order_by("pk").first()
        assert first is not None
        urls += [f"{PAGES}/{name}/", f"{PAGES}/{name}/{first.pk}/change/"]
    return urls


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
def test_query_count_is_independent_of_row_count(
    console: Console, design: Design, role: Role, template: Template, mec: Mec
) -> None:
    client = console(role)
    execution = running(design, "first")
    add_rows(execution, 1)
    deletion.request(design(name="gone"))
    few = {address: len(get_page(client, address)[1]) for address in page_urls()}
    add_rows(execution, 30)
    stages = [StageSpec(template=template, agent_count=1)] * 30
    update_simulation(execution.simulation, stages=stages)
    for number in range(30):
        running(design, f"more {number}")
        deletion.request(design(name=f"gone {number}"))
        Mec.objects.create(slug=f"m{number}", name="m")
    many = {address: len(get_page(client, address)[1]) for address in page_urls()}
    assert {address: count for address, count in many.items() if count > few[address]} == {}
    assert max(many.values()) <= 20


def test_list_shows_progress_without_reading_agent_runs(console: Console, design: Design) -> None:
    first, second, ended = (running(design, name) for name in ("one", "two", "three"))
    report(first, 10)  # of 40 each
    report(second, 30)
    fail(ended)
    client = console(Role.VIEWER)
    snapshots.delete_all(ended.pk)
    text, queries = get_page(client, URL)
    assert [text.count(f"> {percent} %<") for percent in (25, 75, 0)] == [1, 1, 1]
    assert not [sql for sql in queries if "agentrun" in sql]
    assert not [sql for sql in queries if '"plan"' in sql and "JOIN" in sql]
    snapshots.delete_all(first.pk)
    assert "> 25 %<" not in get_page(client, URL)[0]


def test_lists_bound_their_counts(console: Console, design: Design) -> None:
    add_rows(running(design, "one"), 1)
    client = console(Role.VIEWER)
    for model in ("execution", "stagerun", "agentrun", "recording", "event", "simulation"):
        _text, queries = get_page(client, f"{PAGES}/{model}/")
        assert all("LIMIT" in sql for sql in queries if "COUNT(*)" in sql), model
        assert [sql for sql in queries if "COUNT(*)" in sql], model


def test_lists_are_filtered_by_execution_and_failure(console: Console, design: Design) -> None:
    mine, other = running(design, "mine"), running(design, "other")
    add_rows(mine, 2)
    add_rows(other, 1)
    client = console(Role.VIEWER)
    for model, counts in {"agentrun": (2, 3), "recording": (2, 3), "stagerun": (1, 2)}.items():
        place = f"{PAGES}/{model}/"
        for query, count in zip((f"?execution={mine.pk}", ""), counts, strict=True):
            total = client.get(place + query).context["cl"].result_count
            assert total == count, (model, query)
        assert client.get(f"{place}?q={mine.pk}").context["cl"].result_count == counts[0]
        assert client.get(f"{place}?q=mine").context["cl"].result_count == counts[0]
        for odd in ("abc", "1.5", "9" * 40, "%00"):
            answer = client.get(f"{place}?execution={odd}")
            assert (answer.status_code, answer["Location"][-4:]) == (302, "?e=1")
    agents = f"{PAGES}/agentrun/?failure="
    for failure, count in {"system": 3, "user": 0, "AGENT_LOST": 3, "AGENT_HUNG": 0}.items():
        assert client.get(agents + failure).context["cl"].result_count == count
    events = client.get(f"{PAGES}/event/?execution={mine.pk}&kind=unit.lost").context["cl"]
    assert events.result_count == 2
    assert client.get(f"{URL}?active=yes").context["cl"].result_count == 2
    assert client.get(f"{URL}?q={'9' * 40}").context["cl"].result_count == 0


def test_page_shows_stages_plan_recordings_events_and_blame(
    console: Console, design: Design
) -> None:
    execution = running(design, "<script>alert(1)</script>")
    add_rows(execution, 1)
    fail(execution)
    client = console(Role.VIEWER)
    text, _queries = get_page(client, f"{URL}{execution.pk}/change/")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; #1" in text
    assert "unit 0 was &lt;b&gt;silent&lt;/b&gt;" in text
    assert "to blame: system" in text
    assert "The agent was alive but silent" in text
    assert "driver, version 1" in text
    assert "bag 0" in text
    assert "unit lost" in text
    assert f"agentrun/?execution={execution.pk}" in text
    for model in (StageRun, AgentRun, Recording, Event):
        row = model._default_manager.order_by("pk").first()
        assert row is not None
        page, _queries = get_page(client, f"{PAGES}/{model._meta.model_name}/{row.pk}/change/")
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; #1, " in page
        assert 'name="_save"' not in page


def test_running_agent_shows_log_of_its_unit(console: Console, design: Design) -> None:
    execution = running(design, "one")
    add_rows(execution, 1)
    agent = AgentRun.objects.get()
    text, _queries = get_page(console(Role.VIEWER), f"{PAGES}/agentrun/{agent.pk}/change/")
    assert "&lt;last&gt;" in text


ROLES = [(Role.VIEWER, False), (Role.OPERATOR, True), (Role.ADMIN, True)]


@pytest.mark.parametrize(("role", "may"), ROLES)
@pytest.mark.parametrize("way", ["list", "button"])
def test_stop_and_run_again_by_role(
    console: Console, design: Design, role: Role, may: bool, way: str
) -> None:
    client, execution = console(role), running(design, "one")

    def act(name: str) -> None:
        if way == "list":
            client.post(URL, {"action": name, "_selected_action": [execution.pk], "post": "yes"})
            return
        answer = client.post(f"{URL}{execution.pk}/act/{name}/")
        assert answer.status_code == (302 if may else 403)

    page = f"{URL}{execution.pk}/change/"
    assert ("act/stop/" in get_page(client, page)[0]) is may
    act("stop")
    execution.refresh_from_db()
    assert (execution.status == RunStatus.STOPPING) is may
    fail(execution)
    assert (f"{execution.pk}/again/" in get_page(client, page)[0]) is may
    act("again")
    again = Execution.objects.filter(again_of=execution)
    assert again.exists() is may
    if may:
        fail(again.get())
    act("latest")
    latest = Execution.objects.active()
    assert latest.exists() is may
    assert (Execution.objects.count() == 3) is may
    if may:
        assert (latest.get().again_of, str(latest.get().requested_by)) == (
            None,
            f"{role}@example.org",
        )


def test_refused_actions_show_message(console: Console, design: Design) -> None:
    execution, client = running(design, "one"), console(Role.OPERATOR)
    answer = client.post(f"{URL}{execution.pk}/act/again/", follow=True)
    assert "The simulation is running: wait for its end or stop it." in answer.content.decode()
    fail(execution)
    answer = client.post(f"{URL}{execution.pk}/act/stop/", follow=True)
    assert "There is nothing to stop: the execution is failed." in answer.content.decode()


@pytest.mark.parametrize("model", ["execution", "stagerun", "agentrun", "recording", "event"])
def test_execution_rows_are_read_only_for_admins(
    console: Console, design: Design, model: str
) -> None:
    add_rows(running(design, "one"), 1)
    client, place = console(Role.ADMIN), f"{PAGES}/{model}/"
    row = apps.get_model("simulations", model)._default_manager.first()
    first = f"{place}{row.pk}/change/"
    assert client.get(f"{place}add/").status_code == 403
    assert client.post(first, {"status": "COMPLETED"}).status_code == 403
    assert client.post(first.replace("change", "delete"), {"post": "yes"}).status_code == 403
