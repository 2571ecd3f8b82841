"""Only what began has a start: the release is planned ahead, and may not come to be."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from simulations.backends.base import UnitState, UnitStatus
from simulations.models import AgentRun, Execution
from simulations.services.runs import lifecycle, reconcile
from simulations.tests.conftest import Design, prepared
from simulations.tests.fake_backend import FakeBackend

pytestmark = pytest.mark.django_db
AHEAD = timedelta(seconds=3)


def released(design: Design, at: datetime, **agent: Any) -> Execution:
    """An execution that was released, with its agent."""
    execution = lifecycle.start(design(1))
    stage_runs = prepared(execution)
    assert lifecycle.release(execution, stage_runs, at)
    AgentRun.objects.create(stage_run=stage_runs[0], number=1, unit=0, **agent)
    return execution


def step() -> Execution:
    reconcile.step(Execution.objects.get())
    return Execution.objects.get()


def starts(execution: Execution) -> list[datetime | None]:
    return [execution.started_at, execution.stage_runs.get().release_at]


@pytest.mark.parametrize("lead", [AHEAD, timedelta(0)])
def test_unit_lost_before_it_played(design: Design, fake: FakeBackend, lead: timedelta) -> None:
    """Also when the end comes after the release, as recordings were waited for."""
    released(design, timezone.now() + lead, status="READY")
    fake.seen = [UnitStatus(0, UnitState.FAILED)]
    execution = step()
    assert (execution.status, starts(execution)) == ("FAILED", [None, None])


def test_stopped_before_the_release(design: Design, fake: FakeBackend) -> None:
    execution = released(design, timezone.now() + AHEAD, status="STOPPED")
    fake.seen = [UnitStatus(0, UnitState.ENDED)]
    lifecycle.stop(execution)
    execution = step()
    assert (execution.status, starts(execution)) == ("STOPPED", [None, None])


def test_start_is_the_release_once_an_agent_plays(design: Design, fake: FakeBackend) -> None:
    release = timezone.now() + AHEAD
    released(design, release, status="READY")
    fake.seen = [UnitStatus(0, UnitState.ALIVE)]
    assert starts(step()) == [None, release]
    Execution.objects.get().stage_runs.update(release_at=release - AHEAD)
    assert step().started_at is None
    AgentRun.objects.update(status="RUNNING", start_skew_us=12.0)
    assert step().started_at == release - AHEAD
    AgentRun.objects.update(status="COMPLETED", published=1)
    fake.seen = [UnitStatus(0, UnitState.ENDED)]
    execution = step()
    assert (execution.status, starts(execution)) == ("COMPLETED", [release - AHEAD] * 2)


def test_agent_that_never_registered_was_not_made_after_its_end(
    design: Design, fake: FakeBackend
) -> None:
    lifecycle.release(e := lifecycle.start(design(1)), prepared(e), timezone.now())
    fake.seen = [UnitStatus(0, UnitState.FAILED)]
    step()
    agent = AgentRun.objects.get()
    assert agent.created_at == agent.ended_at
