"""Processes that failed while others take their place: each ends with its own code."""

from typing import Any

import pytest
from django.utils import timezone

from agent.protocol import PROTOCOL, Failure, Registration
from simulations.backends.base import UnitState, UnitStatus
from simulations.exceptions import SupersededError
from simulations.models import AgentRun, Event, Execution, StageRun
from simulations.services.runs import registration, reports
from simulations.services.runs.reconcile import reconcile
from simulations.tests.conftest import snapshot
from simulations.tests.fake_backend import FakeBackend

pytestmark = pytest.mark.django_db


def register(stage_run: StageRun, process: str) -> int:
    message = Registration(
        protocol=PROTOCOL, stage_run=stage_run.pk, unit=0, host="h", pid=1, process=process
    )
    return registration.register(stage_run.execution_id, message).attempt


def seen(state: UnitState = UnitState.ALIVE, **fields: Any) -> list[UnitStatus]:
    return [UnitStatus(0, state, 1, **fields)]


def outcomes() -> list[tuple[int, str, str]]:
    rows = AgentRun.objects.filter(number=1).order_by("attempt")
    return list(rows.values_list("attempt", "status", "failure_code"))


@pytest.fixture
def named(stage_run: StageRun) -> StageRun:
    """A running unit whose process is called `a`."""
    AgentRun.objects.update(process="a")
    StageRun.objects.update(release_at=timezone.now(), prepared_at=timezone.now())
    return stage_run


def test_a_failed_process_ends_with_its_last_figures(named: StageRun, fake: FakeBackend) -> None:
    reports.report(named.execution_id, snapshot(named, "RUNNING", published=17, log="a \0line"))
    fake.seen = seen(UnitState.PENDING, ended={"a": "EVICTED"})
    reconcile()
    run = AgentRun.objects.filter(number=1).get()
    assert (run.status, run.failure_code, run.published) == ("LOST", "EVICTED", 17)
    assert run.last_log == "a line"
    assert register(named, "b") == 2
    assert AgentRun.objects.filter(attempt=2, late=True).count() == 2
    reconcile()
    assert outcomes() == [(1, "LOST", "EVICTED"), (2, "STARTING", "")]
    assert Event.objects.filter(kind="unit.lost").count() == 1


def test_the_backend_knows_better_why_a_unit_was_told_to_end(
    named: StageRun, fake: FakeBackend
) -> None:
    failure = Failure(code="TERMINATED", text="told to end")
    reports.report(named.execution_id, snapshot(named, "FAILED", final=True, failure=failure))
    fake.seen = seen(UnitState.PENDING, ended={"a": "AGENT_CRASHED"})
    reconcile()
    assert outcomes() == [(1, "FAILED", "TERMINATED")]
    reason = "The node was low on resource: memory."
    fake.seen = seen(UnitState.FAILED, ended={"a": "EVICTED"}, failure="EVICTED", reason=reason)
    for _pass in range(2):
        reconcile()
    assert outcomes() == [(1, "FAILED", "EVICTED")]
    assert reason in AgentRun.objects.all()[0].failure_text
    execution = Execution.objects.get()
    assert (execution.failure_code, execution.failure_values["reason"]) == ("EVICTED", reason)


def test_a_unit_that_has_completed_is_not_run_again(named: StageRun, fake: FakeBackend) -> None:
    """Its node was lost just after that, and the backend starts it on another one."""
    reports.report(named.execution_id, snapshot(named, "COMPLETED", final=True, published=3))
    with pytest.raises(SupersededError):
        register(named, "b")
    fake.seen = seen(UnitState.FAILED, ended={"a": "NODE_LOST"}, failure="AGENT_CRASHED")
    reconcile()
    assert outcomes() == [(1, "COMPLETED", "")]
    assert StageRun.objects.get().failure_code == ""
