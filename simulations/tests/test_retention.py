"""Data that retention and purging remove, and data that they keep."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from simulations.models import AgentRun, Event, Execution, Simulation
from simulations.services.maintenance import deletion
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design
from simulations.tests.fake_backend import FakeBackend


def counted(*arguments: str) -> dict[str, int]:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return dict(json.loads(out.getvalue()))


def aged(execution: Execution, days: int) -> AgentRun:
    """Make an execution end some days ago."""
    then = timezone.now() - timedelta(days=days)
    Execution.objects.filter(pk=execution.pk).update(status="COMPLETED", ended_at=then)
    Event.objects.filter(execution=execution).update(time=then)
    return AgentRun.objects.create(
        stage_run=execution.stage_runs.get(),
        number=1,
        unit=0,
        status="COMPLETED",
        ended_at=then,
        last_log="a line",
    )


def test_prune_removes_old_data(design: Design) -> None:
    aged(lifecycle.start(design(name="old")), days=400)
    run = aged(lifecycle.start(design(name="new")), days=100)
    went = counted("prune")
    assert (went["events"], went["agent_runs"], went["logs"]) == (1, 1, 1)
    run.refresh_from_db()
    assert run.last_log == ""
    assert Execution.objects.count() == 2


def test_prune_keeps_active_executions(design: Design) -> None:
    execution = lifecycle.start(design())
    Event.objects.update(time=timezone.now() - timedelta(days=4000))
    assert counted("prune")["events"] == 0
    assert execution.events.count() == 1


def test_prune_removes_old_tasks(db: None) -> None:
    then, path = timezone.now() - timedelta(days=15), "accounts.tasks.send_reset"
    for status, finished in (("SUCCESSFUL", then), ("FAILED", timezone.now()), ("READY", None)):
        DBTaskResult.objects.create(
            status=status,
            finished_at=finished,
            task_path=path,
            args_kwargs={"args": ["a@example.com"], "kwargs": {}},
            backend_name="default",
            run_after=then,
        )
    assert counted("prune")["tasks"] == 1
    assert set(DBTaskResult.objects.values_list("status", flat=True)) == {"FAILED", "READY"}


def test_prune_removes_folders_of_complete_executions_only(design: Design, settings: Any) -> None:
    for name, data in (("kept", "INCOMPLETE"), ("gone", "COMPLETE")):
        execution = lifecycle.start(design(name=name))
        aged(execution, days=100)
        Execution.objects.filter(pk=execution.pk).update(data_status=data)
        stage = execution.stage_runs.get().pk
        (settings.DATA_DIR / "units" / f"execution-{execution.pk}-stage-{stage}").mkdir(
            parents=True
        )
    assert counted("prune")["unit_folders"] == 1
    assert len(list((settings.DATA_DIR / "units").iterdir())) == 1


def test_prune_leaves_units_of_a_cluster_to_its_controllers(
    design: Design, fake: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.controller_only = True
    monkeypatch.setattr(fake, "remove", lambda _job: pytest.fail("not allowed here"))
    execution = lifecycle.start(design())
    aged(execution, days=100)
    Execution.objects.filter(pk=execution.pk).update(data_status="COMPLETE")
    assert counted("prune")["unit_folders"] == 0


def test_purge_removes_rows_deleted_long_ago(design: Design) -> None:
    old, young, living = design(name="old"), design(name="young"), design(name="living")
    for simulation in (old, young):
        deletion.request(simulation)
    Simulation.objects.filter(pk=old.pk).update(deleted_at=timezone.now() - timedelta(days=9))
    assert counted("purge_deleted", "--older-than", "7")["simulations"] == 1
    assert set(Simulation.objects.all()) == {young, living}


def test_purge_refuses_invalid_days(db: None) -> None:
    with pytest.raises(CommandError):
        call_command("purge_deleted", "--older-than", "-1")


def test_purge_removes_folders_and_waits_for_active_executions(
    design: Design, settings: Any
) -> None:
    running, over = lifecycle.start(design(name="running")), lifecycle.start(design(name="over"))
    aged(over, days=1)
    Simulation.objects.update(deleted_at=timezone.now() - timedelta(days=9))
    stage = over.stage_runs.get().pk
    folder = settings.DATA_DIR / "units" / f"execution-{over.pk}-stage-{stage}"
    folder.mkdir(parents=True)
    assert counted("purge_deleted", "--older-than", "7")["simulations"] == 1
    assert not folder.exists()
    assert Execution.objects.get() == running
