"""Passes over active executions: how many queries they take, and two controllers at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from simulations.backends.base import Job, UnitState, UnitStatus
from simulations.models import AgentRun, Event, Execution, StageRun
from simulations.services.plan import plan_of
from simulations.services.runs import attempts, lifecycle, waiting_units
from simulations.services.runs.active_stage import ActiveStage
from simulations.services.runs.reconcile import reconcile
from simulations.tests.conftest import Design, prepared, registered
from simulations.tests.fake_backend import FakeBackend
from templates.models import Template

EXECUTIONS = 3
WAITS = UnitStatus(0, UnitState.PENDING, failure="QUOTA_EXCEEDED", reason="exceeded quota")


def queries(step: Callable[[], Any]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        step()
    return [query["sql"] for query in captured]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "unit", "each"),
    [
        ("PREPARING", UnitStatus(0, UnitState.ALIVE), 3),
        ("PREPARING", WAITS, 3),
        ("RUNNING", UnitStatus(0, UnitState.ALIVE), 3),
    ],
)
def test_a_pass_without_news_reads_little_and_writes_nothing(
    design: Design, fake: FakeBackend, status: str, unit: UnitStatus, each: int
) -> None:
    now = timezone.now()
    for number in range(EXECUTIONS):
        execution = lifecycle.start(design(2, name=f"{number}"))
        for stage_run in prepared(execution, prepared_at=now):
            registered(stage_run)
    AgentRun.objects.update(start_skew_us=1)
    StageRun.objects.update(status=status, release_at=now if status == "RUNNING" else None)
    Execution.objects.update(status=status, started_at=now)
    fake.seen = [unit]
    reconcile()
    made = queries(reconcile)
    assert [sql for sql in made if not sql.startswith("SELECT")] == []
    assert len(made) <= 1 + each * EXECUTIONS


@pytest.mark.django_db(transaction=True)
def test_agents_that_never_registered_are_written_once(design: Design, fake: FakeBackend) -> None:
    execution = lifecycle.start(design(2))
    stage_run = prepared(execution)[0]
    unit = UnitStatus(0, UnitState.FAILED, failure="IMAGE_PULL_FAILED")

    def in_thread(_number: int) -> None:
        try:
            row = StageRun.objects.get(pk=stage_run.pk)
            attempts.end_units(ActiveStage(row, plan_of(execution)), [unit])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(in_thread, range(4)))
    assert AgentRun.objects.count() == 2
    assert Event.objects.filter(kind="unit.never_came").count() == 1


@pytest.mark.django_db
def test_two_controllers_record_a_cause_once(design: Design, fake: FakeBackend) -> None:
    stage_run = prepared(lifecycle.start(design(2)))[0]
    rows = [StageRun.objects.get(pk=stage_run.pk) for _controller in range(2)]
    for row in rows:
        waiting_units.record_pending(row, [WAITS])
    assert Event.objects.filter(kind="stage.waiting").count() == 1


@pytest.mark.django_db
def test_jobs_are_removed_once_their_outcome_is_recorded(design: Design, fake: FakeBackend) -> None:
    """Not at the end of the execution: the next stage may last for days."""
    execution = lifecycle.start(design(1, 1, delay_after=1000, continue_on_failure=True))
    first, second = execution.stage_runs.order_by("position")
    prepared(execution)
    StageRun.objects.filter(pk=second.pk).update(status="PENDING", handle="")
    fake.seen = [UnitStatus(0, UnitState.FAILED, failure="IMAGE_PULL_FAILED")]
    fake.away = {"remove"}
    for _pass in range(3):
        reconcile()
    first.refresh_from_db()
    assert (first.status, fake.removed) == ("FAILED", [])  # a sweep does it
    assert Execution.objects.get().status != "FAILED"
    fake.away = set()
    StageRun.objects.filter(pk=first.pk).update(status="FINALIZING")
    reconcile()
    assert fake.removed == [(first.pk, True)]


@pytest.mark.django_db
def test_a_job_has_a_limit_where_one_is_known(design: Design, fake: FakeBackend) -> None:
    def limit(**stage: Any) -> float | None:
        execution = lifecycle.start(design(1, name=str(stage), **stage))
        job: Job = ActiveStage(execution.stage_runs.get(), plan_of(execution)).job
        return job.max_seconds

    once = limit(execution_time=3600)
    assert once
    assert once > 3600
    again = limit(execution_time=3600, retries=1)
    assert again
    assert again > once + 3600
    assert limit(repeat_count=2)
    Template.objects.update(rate=0)
    assert limit(repeat_count=3) is None
