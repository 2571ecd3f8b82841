"""Units that are launched and do not run: why, for how long, and their end."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from simulations.backends.base import UnitState, UnitStatus
from simulations.models import AgentRun, Event, Execution, StageRun
from simulations.services.runs import lifecycle
from simulations.services.runs.reconcile import reconcile
from simulations.tests.conftest import Design, heard_for, prepared, registered
from simulations.tests.fake_backend import FakeBackend

pytestmark = pytest.mark.django_db
SENTENCE = "0/3 nodes are available: 3 Insufficient cpu."


def pending(unit: int = 0, failure: str = "UNSCHEDULABLE", reason: str = SENTENCE) -> UnitStatus:
    return UnitStatus(unit, UnitState.PENDING, 1, failure, reason=reason)


@pytest.fixture
def stage_run(design: Design, settings: Any) -> StageRun:
    """A launched stage of four agents in two units, prepared just now."""
    settings.AGENTS_PER_UNIT = 2
    settings.HUNG_AFTER_SECONDS = 30
    return prepared(lifecycle.start(design(4, min_success=50)), prepared_at=timezone.now())[0]


def let_time_pass() -> None:
    """Let the limit of stragglers pass."""
    StageRun.objects.update(prepared_at=timezone.now() - timedelta(days=1))
    heard_for(10_000)


def agents() -> list[tuple[int, str, str]]:
    rows = AgentRun.objects.order_by("number")
    return list(rows.values_list("number", "status", "failure_code"))


def test_the_commonest_cause_is_recorded_while_it_lasts(
    stage_run: StageRun, fake: FakeBackend
) -> None:
    fake.seen = [pending(), pending(1)]
    reconcile()
    stage_run.refresh_from_db()
    assert stage_run.waiting == {"code": "UNSCHEDULABLE", "reason": SENTENCE, "units": 2}
    fake.seen = [pending(), UnitStatus(1, UnitState.ALIVE, 1)]
    reconcile()
    stage_run.refresh_from_db()
    assert stage_run.waiting
    assert stage_run.waiting["units"] == 1
    fake.seen = [UnitStatus(unit, UnitState.ALIVE, 1) for unit in range(2)]
    reconcile()
    stage_run.refresh_from_db()
    assert stage_run.waiting is None
    events = Event.objects.filter(kind="stage.waiting").order_by("sequence")
    assert [event.payload["code"] for event in events] == ["UNSCHEDULABLE", ""]


def test_units_that_are_starting_have_no_cause(stage_run: StageRun, fake: FakeBackend) -> None:
    fake.seen = [pending(failure="", reason=""), pending(1, failure="", reason="")]
    reconcile()
    stage_run.refresh_from_db()
    assert (stage_run.waiting, fake.killed) == (None, [])


def test_a_unit_whose_pod_has_waited_has_time_to_register(
    stage_run: StageRun, fake: FakeBackend, settings: Any
) -> None:
    let_time_pass()
    limit = timedelta(seconds=settings.STRAGGLER_LIMIT_SECONDS)
    since = [timezone.now() - part * limit for part in (0.9, 1.1)]
    fake.seen = [
        UnitStatus(unit, UnitState.ALIVE, 1, running_since=at) for unit, at in enumerate(since)
    ]
    reconcile()
    assert fake.killed == [1]
    assert [number for number, _status, code in agents() if code == "AGENT_HUNG"] == [3, 4]


def test_a_unit_that_never_runs_ends_with_its_cause(stage_run: StageRun, fake: FakeBackend) -> None:
    registered(stage_run)
    AgentRun.objects.update(status="READY")
    fake.seen = [UnitStatus(0, UnitState.ALIVE, 1), pending(1)]
    let_time_pass()
    AgentRun.objects.update(created_at=timezone.now())
    reconcile()
    ready, late = [(1, "READY", ""), (2, "READY", "")], [(3, "LOST", "UNSCHEDULABLE")]
    assert agents() == [*ready, *late, (4, "LOST", "UNSCHEDULABLE")]
    assert SENTENCE in AgentRun.objects.get(number=3).failure_text
    assert not AgentRun.objects.get(number=3).last_log  # it never ran
    assert fake.killed == [1]
    stage_run.refresh_from_db()
    assert (stage_run.status, stage_run.waiting) == ("RUNNING", None)  # the others start
    AgentRun.objects.filter(unit=0).update(status="COMPLETED", published=1)
    fake.seen = [UnitStatus(0, UnitState.ENDED, 1), pending(1)]
    reconcile()
    reconcile()
    assert StageRun.objects.get().status == "COMPLETED"


def test_a_unit_that_was_never_begun_is_given_up_without_a_kill(
    stage_run: StageRun, fake: FakeBackend
) -> None:
    """The others may play for hours, and each pass gives it up."""
    fake.seen = [UnitStatus(0, UnitState.ALIVE, 1), replace(pending(1), attempts=0)]
    registered(stage_run)
    let_time_pass()
    AgentRun.objects.update(created_at=timezone.now())
    reconcile()
    assert agents()[2:] == [(3, "LOST", "UNSCHEDULABLE"), (4, "LOST", "UNSCHEDULABLE")]
    assert fake.killed == []


def test_a_stage_whose_units_never_run_fails_with_their_cause(
    stage_run: StageRun, fake: FakeBackend
) -> None:
    fake.seen = [pending(), pending(1)]
    let_time_pass()
    for _pass in range(3):
        reconcile()
    execution = Execution.objects.get()
    assert (execution.status, execution.failure_code) == ("FAILED", "UNSCHEDULABLE")
    assert SENTENCE in execution.failure_text


def test_a_unit_without_a_cause_is_the_backends_failure(
    stage_run: StageRun, fake: FakeBackend
) -> None:
    fake.seen = [pending(failure="", reason=""), UnitStatus(1, UnitState.ENDED)]
    let_time_pass()
    reconcile()
    assert agents()[0] == (1, "LOST", "BACKEND_UNAVAILABLE")


def test_a_unit_that_cannot_be_killed_is_tried_again(
    stage_run: StageRun, fake: FakeBackend
) -> None:
    fake.seen, fake.away = [pending(), pending(1)], {"kill"}
    let_time_pass()
    reconcile()
    assert (agents(), fake.killed) == ([], [])
    fake.away = set()
    reconcile()
    assert len(agents()) == 4
    assert fake.killed == [0, 1]


def test_a_new_attempt_has_the_whole_limit_again(stage_run: StageRun, fake: FakeBackend) -> None:
    """Its agents ran until now: the time since the preparation does not count."""
    registered(stage_run)
    let_time_pass()
    AgentRun.objects.update(created_at=timezone.now(), process="first")
    lost = {"first": "EVICTED"}
    fake.seen = [UnitStatus(0, UnitState.PENDING, 1, ended=lost), UnitStatus(1, UnitState.ALIVE)]
    heard_for(60)
    reconcile()
    assert fake.killed == []
    assert agents() == [(1, "LOST", "EVICTED"), (2, "LOST", "EVICTED")]


def test_a_stop_ends_pending_units_at_once(stage_run: StageRun, fake: FakeBackend) -> None:
    registered(stage_run)
    AgentRun.objects.update(status="STOPPED")
    fake.seen = [UnitStatus(0, UnitState.ENDED, 1), pending(1)]
    lifecycle.stop(Execution.objects.get())
    reconcile()
    assert fake.killed == [1]
    assert [status for _number, status, _code in agents()] == ["STOPPED"] * 4
    assert Execution.objects.get().status == "STOPPED"


def test_output_of_units_that_ran_and_never_registered_is_kept(
    stage_run: StageRun, fake: FakeBackend
) -> None:
    fake.seen = [UnitStatus(unit, UnitState.FAILED, 1, "AGENT_CRASHED") for unit in range(2)]
    reconcile()
    assert set(AgentRun.objects.values_list("last_log", flat=True)) == {"last line"}


def test_output_that_cannot_be_read_is_left_out(stage_run: StageRun, fake: FakeBackend) -> None:
    fake.seen = [UnitStatus(unit, UnitState.FAILED, 1, "AGENT_CRASHED") for unit in range(2)]
    fake.away = {"last_log"}
    reconcile()
    assert set(AgentRun.objects.values_list("last_log", "failure_code")) == {("", "AGENT_CRASHED")}
