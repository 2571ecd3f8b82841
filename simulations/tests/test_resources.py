"""CPU and memory of units: summed while they run, and stored with the end."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role
from agent.protocol import AgentReport, AgentState, ResourceUse, Snapshot
from simulations.choices import RunStatus
from simulations.live import snapshots
from simulations.live.unit_counts import UnitCount, decode
from simulations.models import Execution, StageRun
from simulations.services.progress.progress import final_outcome, progress_of
from simulations.services.progress.resources import (
    ResourceTotals,
    resources_of_all,
    resources_of_stage,
)
from simulations.services.progress.results import summary
from simulations.services.runs import reports
from simulations.tests.conftest import Console

pytestmark = pytest.mark.django_db
USE = ResourceUse(cpu_seconds=3.5, cpu_cores=0.5, memory_bytes=70, memory_peak_bytes=90)


def heartbeat(stage_run: StageRun, sequence: int, **more: Any) -> Snapshot:
    state = AgentState.COMPLETED if more.get("final") else AgentState.RUNNING
    agents = tuple(
        AgentReport(number=row.number, state=state, published=1)
        for row in stage_run.agent_runs.filter(unit=0)
    )
    defaults = {"resources": USE, "sent_ns": 1}
    return Snapshot(
        **defaults | more,
        stage_run=stage_run.pk,
        unit=0,
        attempt=1,
        sequence=sequence,
        agents=agents,
    )


def outcome(execution: Execution) -> dict[str, Any]:
    fields = {"ended_at": timezone.now()}
    return final_outcome(execution, RunStatus.COMPLETED, fields)


def test_running_units_are_added_up_and_those_that_ended_use_nothing() -> None:
    counts = {
        (1, 0, 1): UnitCount({"LOST": 1}, 0, 2.0, 90),
        (1, 0, 2): UnitCount({"RUNNING": 1}, 0, 1.0, 50, 0.5, 40),
        (1, 1, 1): UnitCount({"RUNNING": 1}, 0, 4.0, 10, 0.25, 10),
        (1, 2, 1): UnitCount({"RUNNING": 1}, 0),
        (2, 0, 1): UnitCount({"RUNNING": 1}, 0, 9.0, 30, 1.0, 20),
    }
    first, second = (resources_of_stage(counts, pk, None, 3) for pk in (1, 2))
    assert first == ResourceTotals(
        cpu_seconds=7.0, cpu_cores=0.75, memory_bytes=50, memory_peak_bytes=100
    )
    both = resources_of_all([first, second], at_once=True)
    assert both == ResourceTotals(
        cpu_seconds=16.0, cpu_cores=1.75, memory_bytes=70, memory_peak_bytes=130
    )
    assert resources_of_all([first, second], at_once=False).memory_peak_bytes == 100
    assert resources_of_all([], at_once=True) == ResourceTotals()
    assert resources_of_stage(counts, 3, None, 3) == ResourceTotals()


def test_what_a_cluster_reserves_stands_beside_what_is_used(
    stage_run: StageRun, empty_redis: None, operator: APIClient, console: Console
) -> None:
    execution = stage_run.execution
    unit = {"cpu": 250, "cpu_limit": 1000, "memory": 128, "memory_limit": 512}
    execution.plan["stages"][0]["resources"] = unit
    execution.save()
    reports.report(execution.pk, heartbeat(stage_run, 1))
    live = operator.get(f"/api/v1/executions/{execution.pk}").json()["progress"]
    for part in (live, live["stages"][0]):
        assert (part["cpu_cores"], part["cpu_cores_requested"]) == (0.5, 0.25)
        assert (part["memory_bytes"], part["memory_requested_bytes"]) == (70, 128 * 2**20)
    page = console(Role.VIEWER).get(f"/admin/simulations/execution/{execution.pk}/change/")
    assert page.content.decode().count("requested: 0.25 cores") == 2  # in total and of the stage
    Execution.objects.update(outcome=outcome(execution))
    assert summary(execution)["memory_requested_bytes"] == 128 * 2**20
    parallel = [ResourceTotals(cpu_cores_requested=1.0), ResourceTotals(cpu_cores_requested=2.0)]
    assert resources_of_all(parallel, at_once=True).cpu_cores_requested == 3.0
    assert resources_of_all(parallel, at_once=False).cpu_cores_requested == 2.0


def test_progress_and_outcome_tell_them(stage_run: StageRun, empty_redis: None) -> None:
    execution = stage_run.execution
    reports.report(execution.pk, heartbeat(stage_run, 1))
    current = progress_of(execution)
    assert (current.cpu_seconds, current.cpu_cores, current.memory_bytes) == (3.5, 0.5, 70)
    assert current.stages[0].memory_peak_bytes == 90
    reports.report(execution.pk, heartbeat(stage_run, 2, final=True))
    ended = outcome(execution)
    assert ended["progress"]["cpu_cores"] is None
    assert ended["progress"]["memory_bytes"] is None
    assert ended["figures"]["cpu_seconds"] == 3.5
    assert ended["figures"]["memory_peak_bytes"] == 90
    Execution.objects.update(outcome=ended)
    assert summary(execution)["cpu_seconds"] == 3.5


def test_units_that_have_ended_are_counted_after_redis_was_emptied(
    stage_run: StageRun, empty_redis: None
) -> None:
    reports.report(stage_run.execution_id, heartbeat(stage_run, 1, final=True))
    snapshots.delete_all(stage_run.execution_id)
    assert outcome(stage_run.execution)["figures"]["cpu_seconds"] == 3.5


def test_older_agents_say_nothing(stage_run: StageRun, empty_redis: None) -> None:
    reports.report(stage_run.execution_id, heartbeat(stage_run, 1, resources=None))
    current = progress_of(stage_run.execution)
    assert (current.cpu_seconds, current.memory_bytes, current.cpu_cores) == (None, None, None)
    Execution.objects.update(outcome={"progress": {}, "figures": {"recordings": 0}})
    assert summary(stage_run.execution)["cpu_seconds"] is None


def test_counts_of_an_older_server_are_read() -> None:
    assert decode({b"1:0:1": b'[{"RUNNING":1},5]'})[1, 0, 1] == UnitCount({"RUNNING": 1}, 5)
