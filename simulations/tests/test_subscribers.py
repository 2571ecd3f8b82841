"""Subscribers at the start: waited for, stored, summed over units and shown."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console as Terminal

from accounts.choices import Role
from agent.protocol import Failure, TopicMatch, Unheard
from simulations.failures import warning_texts
from simulations.management.results import show_result
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.plan import plan_of, serialize
from simulations.services.progress.subscribers import TopicSubscribers, subscribers_of
from simulations.services.runs import fleet, reconcile, reports, stage_steps
from simulations.services.runs.active_stage import ActiveStage
from simulations.tests.conftest import Console, api_client, registered, snapshot
from simulations.tests.fake_backend import FakeBackend

pytestmark = pytest.mark.django_db

HEARD = TopicMatch(topic="/odom", agents=1, fewest=0, most=3)
DEAF = TopicMatch(topic="/odom", agents=0, fewest=0, most=0)
UNHEARD = Unheard(topic="/odom", agents=2, first=("/agent_1/odom", "/agent_2/odom"))


def report(stage_run: StageRun, state: str, *matched: TopicMatch, **more: Any) -> None:
    message = snapshot(stage_run, state, matched=matched, **more)
    reports.report(stage_run.execution_id, message)


def subscribers(stage_run: StageRun) -> list[tuple[int, int, int, int]]:
    topics = subscribers_of(Execution.objects.get(pk=stage_run.execution_id))
    return [(t.agents, t.of_agents, t.fewest, t.most) for t in topics]


def require(stage_run: StageRun) -> ActiveStage:
    """Let the plan require a subscriber of its topic."""
    execution = stage_run.execution
    plan: Any = serialize(plan_of(execution))
    plan["stages"][0]["topics"][0]["subscriber_required"] = True
    execution.plan = plan
    execution.save()
    return ActiveStage(stage_run, plan_of(execution))


def test_matches_are_stored_once_with_the_change_of_state(
    stage_run: StageRun, django_assert_num_queries: Any
) -> None:
    report(stage_run, "READY")
    assert subscribers(stage_run) == []
    report(stage_run, "RUNNING", HEARD, sequence=2)
    assert subscribers(stage_run) == [(1, 2, 0, 3)]
    assert AgentRun.objects.filter(matched__isnull=False).get().number == 1
    with django_assert_num_queries(1):
        report(stage_run, "RUNNING", HEARD, sequence=3)
    report(stage_run, "COMPLETED", HEARD, sequence=4, final=True)
    assert subscribers(stage_run) == [(1, 2, 0, 3)]


def test_a_lost_unit_keeps_those_of_its_last_snapshot(stage_run: StageRun) -> None:
    report(stage_run, "READY")
    AgentRun.objects.update(status="RUNNING")
    report(stage_run, "RUNNING", HEARD, sequence=2)
    assert subscribers(stage_run) == []
    stage_run.failure_code = "AGENT_LOST"
    fleet.give_up(ActiveStage(stage_run, plan_of(stage_run.execution)))
    assert subscribers(stage_run) == [(1, 2, 0, 3)]


def test_the_newest_attempt_that_started_counts(stage_run: StageRun) -> None:
    report(stage_run, "RUNNING", HEARD)
    registered(stage_run)
    assert subscribers(stage_run) == [(1, 2, 0, 3)]
    report(stage_run, "RUNNING", DEAF, attempt=2)
    assert subscribers(stage_run) == [(0, 2, 0, 0)]


def test_units_are_summed(stage_run: StageRun) -> None:
    plan: Any = serialize(plan_of(stage_run.execution))
    plan["agents_per_unit"] = 1
    Execution.objects.update(plan=plan)
    rows: list[dict[str, Any]] = [
        {"topic": "/odom", "agents": 1, "fewest": 2, "most": 2},
        {"topic": "/odom", "agents": 0, "fewest": 0, "most": 0},
    ]
    for agent, row in enumerate(rows):
        AgentRun.objects.filter(number=agent + 1).update(unit=agent, matched=[row])
    assert subscribers(stage_run) == [(1, 2, 0, 2)]


def test_they_stay_when_agents_are_pruned(stage_run: StageRun, fake: FakeBackend) -> None:
    report(stage_run, "RUNNING", DEAF)
    report(stage_run, "COMPLETED", DEAF, sequence=2, published=40, final=True)
    StageRun.objects.update(status="COMPLETED")
    Execution.objects.update(status="FINALIZING")
    reconcile.step(Execution.objects.select_related("simulation").get())
    AgentRun.objects.all().delete()
    execution = Execution.objects.get()
    assert execution.status == "COMPLETED"
    assert subscribers_of(execution) == (
        TopicSubscribers(
            stage=1,
            topic="/odom",
            published_as="/odom",
            subscriber_required=False,
            agents=0,
            of_agents=2,
            fewest=0,
            most=0,
        ),
    )
    (warning,) = warning_texts(execution.warnings)
    assert warning["code"] == "NOBODY_LISTENS"
    assert warning["text"] == "1 topic had no subscriber when the agents started: /odom."


def test_nobody_listens_names_topics_of_agents_and_stage(stage_run: StageRun) -> None:
    failure = Failure(code="NOBODY_LISTENS", text="of the agent", unheard=(UNHEARD,))
    report(stage_run, "FAILED", failure=failure, final=True)
    run = AgentRun.objects.order_by("number")[0]
    assert run.failure_text.startswith("Without a subscriber: /agent_1/odom, /agent_2/odom. Nobody")
    StageRun.objects.update(status="FINALIZING")
    stage_run.refresh_from_db()
    stage_steps._end_stage(ActiveStage(stage_run, plan_of(stage_run.execution)))
    assert stage_run.failure_code == "NOBODY_LISTENS"
    names = "/agent_1/odom, /agent_2/odom."
    assert f"0 of 2 agents completed, at least 100 % must. Without a subscriber: {names}" in (
        stage_run.failure_text
    )


def test_a_stage_waits_longer_for_stragglers_that_wait_for_subscribers(
    stage_run: StageRun, fake: FakeBackend, settings: Any
) -> None:
    settings.STRAGGLER_LIMIT_SECONDS = -20
    AgentRun.objects.filter(number=1).update(status="READY")
    active = ActiveStage(stage_run, plan_of(stage_run.execution))
    assert stage_steps.is_ready(active)
    assert not stage_steps.is_ready(require(stage_run))
    settings.STRAGGLER_LIMIT_SECONDS = -40
    assert stage_steps.is_ready(require(stage_run))


def test_page_and_api_show_them(stage_run: StageRun, console: Console) -> None:
    address = f"/api/v1/executions/{stage_run.execution_id}/subscribers"
    page = f"/admin/simulations/execution/{stage_run.execution_id}/change/"
    viewer, browser = api_client(Role.VIEWER), console(Role.VIEWER)
    assert viewer.get(address).json() == []
    assert "subscribers-title" not in browser.get(page).content.decode()
    report(stage_run, "RUNNING", HEARD)
    assert viewer.get(address).json() == [
        {
            "stage": 1,
            "topic": "/odom",
            "published_as": "/odom",
            "subscriber_required": False,
            "agents": 1,
            "of_agents": 2,
            "fewest": 0,
            "most": 3,
        }
    ]
    html = browser.get(page).content.decode()
    assert '<span class="tag warn">1 of 2</span>' in html
    assert "0 to 3" in html


def test_the_terminal_counts_topics_with_subscribers(stage_run: StageRun) -> None:
    report(stage_run, "RUNNING", HEARD)
    output = StringIO()
    show_result(stage_run.execution, Terminal(file=output, width=200))
    assert "Stage 1: 0 of 1 topics had a subscriber for each agent." in output.getvalue()
