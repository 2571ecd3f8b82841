"""A backend that cannot be used for a while: nothing is judged, started twice or left behind."""

from datetime import timedelta

import pytest
from django.utils import timezone

from simulations.backends.base import UnitState, UnitStatus
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.runs import lifecycle, reports
from simulations.services.runs.leftovers import remove_leftovers
from simulations.services.runs.reconcile import reconcile
from simulations.tests.conftest import Design, heard_for, prepared, registered, snapshot
from simulations.tests.fake_backend import REASON, FakeBackend

pytestmark = pytest.mark.django_db
ALIVE = UnitStatus(0, UnitState.ALIVE, 1)


@pytest.fixture
def stage_run(design: Design) -> StageRun:
    """A launched stage of two agents in one unit."""
    return prepared(lifecycle.start(design(2)), prepared_at=timezone.now())[0]


def seen(stage_run: StageRun) -> StageRun:
    reconcile()
    stage_run.refresh_from_db()
    return stage_run


def test_the_reason_is_shown_while_it_lasts(stage_run: StageRun, fake: FakeBackend) -> None:
    fake.away = {"observe"}
    waiting = {"code": "BACKEND_UNAVAILABLE", "reason": REASON, "units": 1}
    assert seen(stage_run).waiting == waiting
    fake.away, fake.seen = set(), [ALIVE]
    assert seen(stage_run).waiting is None


def test_ready_agents_start_all_the_same(stage_run: StageRun, fake: FakeBackend) -> None:
    registered(stage_run)
    AgentRun.objects.update(status="READY")
    fake.away = {"observe"}
    assert seen(stage_run).status == "RUNNING"
    assert stage_run.release_at


def test_nobody_is_killed_or_ended_meanwhile(stage_run: StageRun, fake: FakeBackend) -> None:
    registered(stage_run)
    day = timezone.now() - timedelta(days=1)
    StageRun.objects.update(status="RUNNING", prepared_at=day)
    Execution.objects.update(status="RUNNING")
    AgentRun.objects.update(status="RUNNING", created_at=day)
    heard_for(10_000)
    fake.away = {"observe"}
    assert seen(stage_run).status == "RUNNING"
    assert fake.killed == []
    fake.away, fake.seen = set(), [ALIVE]
    reconcile()
    assert fake.killed == [0]
    assert set(AgentRun.objects.values_list("failure_code", flat=True)) == {"AGENT_HUNG"}


def test_a_silent_unit_whose_machine_is_lost(stage_run: StageRun, fake: FakeBackend) -> None:
    registered(stage_run)
    day = timezone.now() - timedelta(days=1)
    StageRun.objects.update(prepared_at=day)
    AgentRun.objects.update(created_at=day)
    heard_for(10_000)
    fake.seen, fake.lost = [ALIVE], {0}
    reconcile()
    assert fake.killed == [0]
    assert set(AgentRun.objects.values_list("failure_code", flat=True)) == {"NODE_LOST"}
    assert "It does not answer." in AgentRun.objects.first().failure_text


def test_a_silent_unit_that_cannot_be_killed_is_tried_again(
    stage_run: StageRun, fake: FakeBackend
) -> None:
    registered(stage_run)
    day = timezone.now() - timedelta(days=1)
    StageRun.objects.update(prepared_at=day)
    AgentRun.objects.update(created_at=day)
    heard_for(10_000)
    fake.seen, fake.away = [ALIVE], {"kill"}
    reconcile()
    assert AgentRun.objects.unfinished().count() == 2
    fake.away = set()
    reconcile()
    assert fake.killed == [0]
    assert not AgentRun.objects.unfinished().exists()


def test_a_silent_unit_of_a_lost_node_ends_with_that(
    stage_run: StageRun, fake: FakeBackend
) -> None:
    registered(stage_run)
    day = timezone.now() - timedelta(days=1)
    StageRun.objects.update(prepared_at=day)
    AgentRun.objects.update(created_at=day)
    heard_for(10_000)
    fake.seen = [UnitStatus(0, UnitState.ALIVE, 1, "NODE_LOST", reason="node-2 is not ready")]
    reconcile()
    assert set(AgentRun.objects.values_list("failure_code", flat=True)) == {"NODE_LOST"}
    assert "node-2" in AgentRun.objects.all()[0].failure_text


def test_a_stop_waits_for_it(stage_run: StageRun, fake: FakeBackend) -> None:
    lifecycle.stop(Execution.objects.get())
    fake.away = {"observe", "kill", "remove"}
    assert seen(stage_run).status == "PREPARING"
    fake.away, fake.seen = {"remove"}, [UnitStatus(0, UnitState.ENDED, 1)]
    assert seen(stage_run).status == "STOPPED"


@pytest.mark.parametrize("heard", [True, False])
def test_a_stop_does_not_wait_for_ever(
    stage_run: StageRun, fake: FakeBackend, *, heard: bool
) -> None:
    """The cluster is gone for good, or the database was brought to another one."""
    registered(stage_run)
    lifecycle.stop(Execution.objects.get())
    day = timezone.now() - timedelta(days=1)
    Execution.objects.update(stop_asked_at=day)
    StageRun.objects.update(prepared_at=day)
    AgentRun.objects.update(created_at=day)
    heard_for(10_000)
    if heard:
        reports.report(stage_run.execution_id, snapshot(stage_run, "READY"))
    fake.away = {"observe", "kill", "last_log", "remove"}
    assert seen(stage_run).status == ("PREPARING" if heard else "STOPPED")
    if not heard:
        assert set(AgentRun.objects.values_list("failure_code", flat=True)) == {
            "BACKEND_UNAVAILABLE"
        }
        assert Execution.objects.get().status == "STOPPED"


def test_a_unit_that_was_launched_is_not_launched_again(
    stage_run: StageRun, fake: FakeBackend
) -> None:
    """The controller was killed before it wrote the handle, and the job is gone since."""
    StageRun.objects.update(handle="")
    registered(stage_run)
    fake.seen = [UnitStatus(0, UnitState.ABSENT)]
    assert seen(stage_run).handle
    assert fake.launched == []


def test_a_launch_that_may_be_incomplete_is_repeated(
    stage_run: StageRun, fake: FakeBackend
) -> None:
    StageRun.objects.update(handle="")
    registered(stage_run)
    fake.seen = [ALIVE]
    assert seen(stage_run).handle == "there"
    assert len(fake.launched) == 1


def test_a_failed_launch_is_shown_and_tried_again(design: Design, fake: FakeBackend) -> None:
    stage_run = lifecycle.start(design(1)).stage_runs.get()
    fake.fails = True
    assert seen(stage_run).waiting == {
        "code": "BACKEND_UNAVAILABLE",
        "reason": REASON,
        "units": 1,
    }
    fake.fails, fake.seen = False, [ALIVE]
    assert seen(stage_run).waiting is None
    assert len(fake.launched) == 1


def test_an_execution_that_is_given_up_ends_without_it(design: Design, fake: FakeBackend) -> None:
    execution = lifecycle.start(design(2))
    fake.away = {"launch", "kill", "remove", "observe"}
    reconcile()
    StageRun.objects.update(prepared_at=timezone.now() - timedelta(days=1))
    heard_for(10_000)
    for _pass in range(2):
        reconcile()
    execution.refresh_from_db()
    assert (execution.status, execution.failure_code) == ("FAILED", "BACKEND_UNAVAILABLE")
    assert REASON in execution.failure_text
    assert set(AgentRun.objects.values_list("status", flat=True)) == {"LOST"}


def test_what_is_left_of_others_is_removed(stage_run: StageRun, fake: FakeBackend) -> None:
    active = stage_run.execution_id
    fake.executions = {active, active + 1}
    assert remove_leftovers() == 1
    assert fake.executions == {active}
