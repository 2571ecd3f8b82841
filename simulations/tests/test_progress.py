"""Progress from snapshots at Redis, without rows of agents; frozen at the end; true while Redis is away."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from agent.protocol import AgentReport, AgentState, Snapshot
from simulations.choices import AgentStatus, EventKind, RunStatus
from simulations.exceptions import RedisUnreachableError
from simulations.live import progress as live_progress
from simulations.live import snapshots
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.events import record_event
from simulations.services.progress import progress
from simulations.services.progress.progress import progress_of
from simulations.services.progress.results import summary
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design

pytestmark = pytest.mark.django_db


@pytest.fixture
def execution(design: Design) -> Execution:
    """Four agents; a stage plays 160 messages in two seconds."""
    running = lifecycle.start(design(4))
    lifecycle.move_execution(running, [RunStatus.PENDING], RunStatus.RUNNING)
    lifecycle.move_stage(running.stage_runs.get(), [RunStatus.PENDING], RunStatus.RUNNING)
    return running


@pytest.fixture
def viewer(db: Any) -> APIClient:
    client = APIClient()
    client.force_login(User.objects.create_user("viewer@example.org", role=Role.VIEWER))
    return client


@pytest.fixture(autouse=True)
def always_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look computes, unless a test says otherwise."""
    monkeypatch.setattr(progress, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(live_progress, "may_calculate", lambda execution_id, seconds: True)


def report(execution: Execution, unit: int, attempt: int = 1, **agents: tuple[str, int]) -> None:
    """A unit's snapshot; `agents` by number: state and messages, such as `a1=("RUNNING", 5)`."""
    reports = tuple(
        AgentReport(number=int(name[1:]), state=AgentState(state), published=published)
        for name, (state, published) in agents.items()
    )
    snapshots.store(
        execution.pk,
        Snapshot(
            stage_run=execution.stage_runs.get().pk,
            unit=unit,
            attempt=attempt,
            sequence=1,
            sent_ns=1,
            agents=reports,
        ),
    )


def row(execution: Execution, unit: int, status: str, published: int, number: int) -> AgentRun:
    return AgentRun.objects.create(
        stage_run=execution.stage_runs.get(),
        number=number,
        unit=unit,
        status=status,
        published=published,
    )


def test_progress_follows_newest_snapshots(execution: Execution) -> None:
    report(execution, 0, a1=("RUNNING", 30), a2=("READY", 0))
    report(execution, 0, a1=("RUNNING", 40), a2=("RUNNING", 8))
    report(execution, 1, a3=("COMPLETED", 40))
    current = progress_of(execution)
    assert (current.overall, current.messages_published, current.planned_agents) == (55.0, 88, 4)
    assert current.agents == {"RUNNING": 2, "COMPLETED": 1, "PENDING": 1}
    assert [(s.position, s.percent, s.agents) for s in current.stages] == [
        (1, 55.0, current.agents)
    ]


def test_rows_are_read_only_after_an_event(execution: Execution) -> None:
    report(execution, 0, a1=("RUNNING", 30))
    progress_of(execution)
    report(execution, 0, a1=("RUNNING", 40))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert progress_of(execution).messages_published == 40
    assert len(queries) == 0
    # A unit is killed and never says so itself.
    row(execution, 0, AgentStatus.LOST, 0, number=1)
    record_event(execution.pk, EventKind.UNIT_LOST)
    execution.refresh_from_db()
    current = progress_of(execution)
    assert (current.agents["LOST"], current.messages_published) == (1, 40)


def test_progress_endpoint_takes_at_most_two_queries(
    execution: Execution, viewer: APIClient
) -> None:
    report(execution, 0, a1=("RUNNING", 30))
    address = f"/api/v1/executions/{execution.pk}/progress"
    data = viewer.get(address).json()
    assert (data["messages_published"], data["agents"]) == (30, {"RUNNING": 1, "PENDING": 3})
    assert set(data) >= {"overall", "status", "stages", "expected_end", "as_of", "last_event"}
    with CaptureQueriesContext(connection) as queries:
        viewer.get(address)
    own = [q for q in queries.captured_queries if "django_session" not in q["sql"]]
    assert len(own) <= 2
    assert not [q for q in own if "agentrun" in q["sql"]]
    detail = viewer.get(f"/api/v1/executions/{execution.pk}").json()["progress"]
    assert set(detail) == set(data)
    assert viewer.get("/api/v1/executions/999999/progress").status_code == 404


def test_one_process_computes_and_others_read(
    execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(progress, "FRESH_SECONDS", 60.0)
    report(execution, 0, a1=("RUNNING", 30))
    first = progress_of(execution)
    report(execution, 0, a1=("RUNNING", 40))
    assert progress_of(execution) == first  # it is recent
    monkeypatch.setattr(progress, "FRESH_SECONDS", 0.0)
    assert live_progress.may_calculate(execution.pk, 60)
    assert not live_progress.may_calculate(execution.pk, 60)
    assert progress_of(execution) == first  # another process is at it
    lifecycle.stop(execution)
    assert progress_of(execution).status == RunStatus.STOPPING  # a new status shows at once


def test_flushed_redis_is_refilled_from_rows_and_snapshots(
    execution: Execution, empty_redis: None
) -> None:
    row(execution, 0, AgentStatus.COMPLETED, 40, number=1)
    row(execution, 1, AgentStatus.RUNNING, 0, number=2)
    report(execution, 1, a2=("RUNNING", 20))
    current = progress_of(execution)
    assert (current.messages_published, current.agents["COMPLETED"]) == (60, 1)


def test_progress_without_redis_comes_from_database(execution: Execution, settings: Any) -> None:
    row(execution, 0, AgentStatus.COMPLETED, 40, number=1)

    def away(*_args: Any) -> None:
        raise RedisUnreachableError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_progress, "cached", away)
        patch.setattr(live_progress, "unit_counts", away)
        current = progress_of(execution)
    assert (current.messages_published, current.agents) == (40, {"COMPLETED": 1, "PENDING": 3})


def end(execution: Execution) -> None:
    stage_run: StageRun = execution.stage_runs.get()
    lifecycle.move_stage(stage_run, [RunStatus.RUNNING], RunStatus.FAILED)
    lifecycle.move_execution(execution, [RunStatus.RUNNING], RunStatus.FAILED)


def test_final_progress_and_statistics_are_stored(execution: Execution, viewer: APIClient) -> None:
    row(execution, 0, AgentStatus.COMPLETED, 40, number=1)
    row(execution, 1, AgentStatus.LOST, 0, number=2)  # its last word came by heartbeat only
    report(execution, 1, a2=("RUNNING", 20))
    end(execution)
    snapshots.delete_all(execution.pk)
    AgentRun.objects.all().delete()  # as retention does
    current = progress_of(Execution.objects.get())
    assert (current.status, current.overall, current.messages_published) == ("FAILED", 37.5, 60)
    assert current.agents == {"COMPLETED": 1, "LOST": 1, "PENDING": 2}
    assert current.expected_end == execution.ended_at
    assert summary(execution)["messages_published"] == 60
    address = f"/api/v1/executions/{execution.pk}/progress"
    with CaptureQueriesContext(connection) as queries:
        data = viewer.get(address).json()
    assert data["overall"] == 37.5
    assert data["last_event"] == Execution.objects.get().event_count
    assert not [
        q for q in queries.captured_queries if "agentrun" in q["sql"] or "stagerun" in q["sql"]
    ]


def test_progress_of_old_executions_is_computed(execution: Execution) -> None:
    row(execution, 0, AgentStatus.COMPLETED, 40, number=1)
    end(execution)
    Execution.objects.update(outcome=None)
    current = progress_of(Execution.objects.get())
    assert (current.messages_published, current.overall) == (40, 25.0)
    assert summary(execution)["messages_published"] == 40
