"""Steps of the controller: concurrent ones, a stop in between, units that vanish."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from simulations.backends import local
from simulations.backends.base import Job, UnitState, UnitStatus
from simulations.backends.local import LocalBackend
from simulations.models import AgentRun, Execution, Recording, StageRun
from simulations.services.plan import plan_of
from simulations.services.runs import fleet, lifecycle, reconcile
from simulations.services.runs.active_stage import ActiveStage
from simulations.tests.conftest import Design, heard_for, prepared
from simulations.tests.fake_backend import FakeBackend

pytestmark = pytest.mark.django_db


def test_concurrent_releases_agree_on_one_time(design: Design) -> None:
    execution = lifecycle.start(design(1, 1, pattern="parallel"))
    mine, others = prepared(execution), prepared(execution)
    now = timezone.now()
    # The other controller dies, or is slow, with the first stage released.
    lifecycle.move_stage(others[0], ["PREPARING"], "RUNNING", release_at=now)  # type: ignore[arg-type]
    assert not lifecycle.release(execution, mine, now + timedelta(seconds=9))
    assert [run.release_at for run in execution.stage_runs.order_by("position")] == [now, None]


def test_stop_prevents_release(design: Design) -> None:
    execution = lifecycle.start(design(1))
    stage_runs = prepared(execution)
    lifecycle.stop(Execution.objects.get(pk=execution.pk))
    assert not lifecycle.release(execution, stage_runs, timezone.now())
    assert execution.stage_runs.get().status == "PREPARING"


def test_stop_records_previous_status(design: Design) -> None:
    execution = lifecycle.stop(lifecycle.start(design(1)))
    assert execution.failure_text


def test_stopped_stage_has_not_failed(design: Design, fake: FakeBackend) -> None:
    """The controller looked before the stop, and sees the units gone after it."""
    execution = lifecycle.start(design(1))
    StageRun.objects.update(status="RUNNING", handle="there")
    Execution.objects.update(status="RUNNING")
    before = Execution.objects.get()
    AgentRun.objects.create(
        stage_run=execution.stage_runs.get(), number=1, unit=0, status="STOPPED"
    )
    fake.seen = [UnitStatus(0, UnitState.ENDED, 1)]
    lifecycle.stop(execution)
    reconcile.step(before)
    assert execution.stage_runs.get().status == "RUNNING"
    reconcile.step(Execution.objects.get())
    assert execution.stage_runs.get().status == "STOPPED"
    assert Execution.objects.get().status == "STOPPED"


def test_stage_completed_before_stop_stays_completed(design: Design, fake: FakeBackend) -> None:
    execution = lifecycle.start(design(1, 1))
    first, _second = execution.stage_runs.order_by("position")
    StageRun.objects.filter(pk=first.pk).update(status="FINALIZING", handle="there")
    Execution.objects.update(status="RUNNING")
    AgentRun.objects.create(stage_run=first, number=1, unit=0, status="COMPLETED")
    fake.seen = [UnitStatus(0, UnitState.ENDED, 1)]
    lifecycle.stop(Execution.objects.get())
    reconcile.step(Execution.objects.get())
    states = execution.stage_runs.order_by("position").values_list("status", flat=True)
    assert list(states) == ["COMPLETED", "SKIPPED"]


def test_failed_launch_leaves_no_active_agent_run(
    design: Design, fake: FakeBackend, settings: Any
) -> None:
    execution = lifecycle.start(design(2))
    fake.fails = True
    reconcile.reconcile()
    stage_run = execution.stage_runs.get()
    AgentRun.objects.create(stage_run=stage_run, number=1, unit=0, status="READY")
    fake.seen = [UnitStatus(0, UnitState.ALIVE, 1)]
    settings.STRAGGLER_LIMIT_SECONDS = 0
    heard_for(60)
    reconcile.reconcile()
    execution.refresh_from_db()
    assert (execution.status, execution.failure_code) == ("FAILED", "BACKEND_UNAVAILABLE")
    assert set(AgentRun.objects.values_list("status", flat=True)) == {"LOST"}
    assert fake.killed


def test_vanished_unit_is_lost(design: Design, fake: FakeBackend, settings: Any) -> None:
    execution = lifecycle.start(design(1))
    StageRun.objects.update(status="RUNNING", handle="there", prepared_at=timezone.now())
    Execution.objects.update(status="RUNNING")
    fake.seen = [UnitStatus(0, UnitState.ABSENT)]
    reconcile.reconcile()
    assert execution.stage_runs.get().status == "RUNNING"  # it may speak yet
    StageRun.objects.update(prepared_at=timezone.now() - timedelta(days=1))
    heard_for(settings.STRAGGLER_LIMIT_SECONDS + 1)
    reconcile.reconcile()
    assert AgentRun.objects.get().failure_code == "AGENT_LOST"


def test_restarted_unit_keeps_reason_of_failure(design: Design, fake: FakeBackend) -> None:
    execution = lifecycle.start(design(1))
    stage_run = prepared(execution, prepared_at=timezone.now())[0]
    AgentRun.objects.create(stage_run=stage_run, number=1, unit=0, status="READY")
    fake.seen = [UnitStatus(0, UnitState.ALIVE, 2, "DISK_FULL", restarted=True)]
    fleet.observe_units(ActiveStage(stage_run, plan_of(execution)), retry=True)
    run = AgentRun.objects.get()
    assert (run.status, run.failure_code) == ("LOST", "DISK_FULL")


def test_files_of_killed_unit_are_listed(design: Design, fake: FakeBackend) -> None:
    execution = lifecycle.start(design(1))
    stage_run = execution.stage_runs.get()
    StageRun.objects.update(status="FINALIZING", handle="there")
    Execution.objects.update(status="RUNNING")
    AgentRun.objects.create(stage_run=stage_run, number=1, unit=0, status="LOST")
    Recording.objects.create(stage_run=stage_run, unit=0)
    reconcile.reconcile()
    recording = Recording.objects.get()
    assert recording.status == "LOST"
    assert "/kept/recording-1" in recording.text


def test_failed_retry_does_not_hide_other_units(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(execution=1, stage_run=1, units=2, retries=1, token="t", server="s")  # noqa: S106
    for unit in range(2):
        folder = settings.DATA_DIR / "units" / job.name / f"unit-{unit}"
        folder.mkdir(parents=True)
        (folder / "attempt-1").write_text("999999999")
    monkeypatch.setattr("sys.executable", "/not/there")
    seen = LocalBackend().observe(job, retry=True)
    assert [unit.state for unit in seen] == [UnitState.ALIVE] * 2
    settings.STRAGGLER_LIMIT_SECONDS = -1
    monkeypatch.setattr(local, "CLAIM_SECONDS", -1)
    seen = LocalBackend().observe(job, retry=True)
    assert [(unit.state, unit.failure) for unit in seen] == [
        (UnitState.FAILED, "BACKEND_UNAVAILABLE")
    ] * 2


@pytest.mark.parametrize("answers", [True, False])
def test_only_database_outages_end_a_pass(
    design: Design, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    for name in ("one", "two"):
        lifecycle.start(design(name=name))
    stepped = []

    def fails(execution: Execution) -> None:
        stepped.append(execution.pk)
        raise OperationalError("away")

    monkeypatch.setattr(reconcile, "step", fails)
    monkeypatch.setattr(reconcile, "connection", SimpleNamespace(is_usable=lambda: answers))
    if answers:  # this one statement failed, such as by a deadlock: the others have their turn
        assert reconcile.reconcile() == len(stepped) == 2
    else:
        with pytest.raises(OperationalError):
            reconcile.reconcile()
        assert len(stepped) == 1
