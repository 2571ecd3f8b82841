"""Reports of units whose connection to the system under test breaks and comes back."""

from typing import Any

import pytest

from accounts.choices import Role
from agent.protocol import Failure, Outage
from simulations.models import AgentRun, Event, Execution, StageRun
from simulations.services.plan import plan_of
from simulations.services.progress.progress import progress_of
from simulations.services.progress.results import summary
from simulations.services.runs import fleet, reports, stage_steps
from simulations.services.runs.active_stage import ActiveStage
from simulations.tests.conftest import Console, api_client, snapshot

pytestmark = pytest.mark.django_db

SECOND = 1_000_000_000
NOON = 1_772_452_800 * SECOND
"""2026-03-02 12:00:00 UTC."""
OPEN = Outage(began_ns=NOON, messages=30)
CLOSED = Outage(began_ns=NOON, ended_ns=NOON + 6 * SECOND, messages=71)
LOST = ("link.lost", {"position": 1, "unit": 0, "began_at": "2026-03-02T12:00:00.000Z"})
RESTORED = (
    "link.restored",
    {**LOST[1], "ended_at": "2026-03-02T12:00:06.000Z", "messages": 142},
)
ROW = {
    "began_at": "2026-03-02T12:00:00.000Z",
    "ended_at": "2026-03-02T12:00:06.000Z",
    "messages": 71,
}


def report(stage_run: StageRun, *outages: Outage, state: str = "RUNNING", **more: Any) -> None:
    reports.report(stage_run.execution_id, snapshot(stage_run, state, outages=outages, **more))


def fail(stage_run: StageRun, *outages: Outage) -> None:
    failure = Failure(code="TRANSPORT_LOST", text="of the agent")
    report(stage_run, *outages, state="FAILED", failure=failure, final=True)


def timeline() -> list[tuple[str, dict[str, Any]]]:
    rows = Event.objects.filter(kind__startswith="link.").order_by("sequence")
    return list(rows.values_list("kind", "payload"))


def test_each_change_is_an_event_once(stage_run: StageRun, django_assert_num_queries: Any) -> None:
    report(stage_run)
    report(stage_run, OPEN)
    assert timeline() == [LOST]
    assert set(AgentRun.objects.values_list("messages_undelivered", flat=True)) == {30}
    with django_assert_num_queries(1):
        report(stage_run, OPEN)
    report(stage_run, CLOSED)
    report(stage_run, OPEN)  # delayed
    assert timeline() == [LOST, RESTORED]
    assert (
        list(AgentRun.objects.values_list("messages_undelivered", "outages")) == [(71, [ROW])] * 2
    )


def test_changes_between_two_reports_are_all_told(stage_run: StageRun) -> None:
    again = Outage(began_ns=NOON + 60 * SECOND, messages=5)
    report(stage_run, CLOSED, again)
    assert timeline() == [
        LOST,
        RESTORED,
        ("link.lost", {"position": 1, "unit": 0, "began_at": "2026-03-02T12:01:00.000Z"}),
    ]


def test_two_reports_at_once_tell_a_change_once(
    stage_run: StageRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = reports._read_rows

    def then_told(*place: Any) -> Any:
        rows = look(*place)
        monkeypatch.setattr(reports, "_read_rows", look)
        report(stage_run, OPEN)
        return rows

    monkeypatch.setattr(reports, "_read_rows", then_told)
    report(stage_run, CLOSED)
    assert timeline() == [LOST]
    report(stage_run, CLOSED)
    assert timeline() == [LOST, RESTORED]


def test_nothing_is_told_of_agents_that_were_given_up(stage_run: StageRun) -> None:
    report(stage_run, OPEN)
    AgentRun.objects.update(status="LOST")
    report(stage_run, CLOSED)
    assert timeline() == [LOST]


def test_failure_says_how_many_and_when(stage_run: StageRun) -> None:
    fail(stage_run, CLOSED)
    run = AgentRun.objects.first()
    assert run is not None
    assert (run.status, run.failure_code) == ("FAILED", "TRANSPORT_LOST")
    lost = "71 messages may not have arrived (2026-03-02 12:00:00 to 2026-03-02 12:00:06)."
    assert run.failure_text.startswith(lost)
    StageRun.objects.update(status="FINALIZING")
    stage_run.refresh_from_db()
    stage_steps._end_stage(ActiveStage(stage_run, plan_of(stage_run.execution)))
    assert (stage_run.status, stage_run.failure_code) == ("FAILED", "TRANSPORT_LOST")
    of_stage = f"0 of 2 agents completed, at least 100 % must. {lost.replace('71', '142')}"
    assert stage_run.failure_text.startswith(of_stage)


def test_lost_unit_keeps_outages_of_last_snapshot(stage_run: StageRun) -> None:
    report(stage_run, OPEN)
    report(stage_run, Outage(began_ns=NOON, messages=50))
    stage_run.failure_code = "AGENT_LOST"
    fleet.give_up(ActiveStage(stage_run, plan_of(stage_run.execution)))
    assert set(AgentRun.objects.values_list("messages_undelivered", flat=True)) == {50}


def test_execution_shows_undelivered_messages_and_times(
    stage_run: StageRun, console: Console
) -> None:
    report(stage_run, CLOSED, state="COMPLETED", final=True)
    execution = Execution.objects.get()
    progress = progress_of(execution)
    assert progress.messages_undelivered == progress.stages[0].messages_undelivered == 142
    assert summary(execution)["messages_undelivered"] == 142
    viewer = api_client(Role.VIEWER)
    detail = viewer.get(f"/api/v1/executions/{execution.pk}").json()["progress"]
    assert (detail["messages_undelivered"], detail["outages"]) == (
        142,
        [
            {
                "stage": 1,
                "began_at": "2026-03-02T12:00:00Z",
                "ended_at": "2026-03-02T12:00:06Z",
                "messages": 142,
            }
        ],
    )
    (first, _second) = viewer.get(f"/api/v1/executions/{execution.pk}/agents").json()["results"]
    assert (first["messages_undelivered"], first["outages"]) == (71, [ROW])
    browser = console(Role.VIEWER)
    page = browser.get(f"/admin/simulations/execution/{execution.pk}/change/").content.decode()
    assert "12:00:06" in page
    assert "142" in page
    agent = AgentRun.objects.get(number=1)
    page = browser.get(f"/admin/simulations/agentrun/{agent.pk}/change/").content.decode()
    assert "2026-03-02 12:00:00 to 2026-03-02 12:00:06: 71" in page
