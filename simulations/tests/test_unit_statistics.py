"""Statistics of units: active ones, the longest silence, received and missed snapshots."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from agent.protocol import AgentReport, AgentState, Snapshot
from simulations.live import connection, heartbeats, silence, snapshots
from simulations.models import AgentRun, Execution, StageRun
from simulations.services.monitoring.metrics import live_statistics, quantiles, run_statistics
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design


@pytest.fixture
def execution(design: Design) -> Execution:
    """One that runs, with four units."""
    execution = lifecycle.start(design(4))
    Execution.objects.update(status="RUNNING")
    StageRun.objects.update(status="RUNNING", units=4)
    return execution


def add_agents(execution: Execution, *states: str) -> None:
    """One agent in each unit, registered ten minutes ago."""
    stage_run = execution.stage_runs.get()
    for unit, status in enumerate(states):
        AgentRun.objects.create(stage_run=stage_run, number=unit, unit=unit, status=status)
    AgentRun.objects.update(created_at=timezone.now() - timedelta(minutes=10))


def snapshot(execution: Execution, unit: int, sequence: int = 1) -> Snapshot:
    report = AgentReport(number=unit, state=AgentState.RUNNING)
    return Snapshot(
        stage_run=execution.stage_runs.get().pk,
        unit=unit,
        attempt=1,
        sequence=sequence,
        sent_ns=1,
        agents=(report,),
    )


def store_snapshots(execution: Execution, ages: dict[int, float]) -> None:
    """Store snapshots of these ages in seconds; units have been heard for an hour."""
    now = timezone.now().timestamp()
    with connection.connect() as redis:
        redis.set(silence.KEY, now - 3600)
        for unit, age in ages.items():
            entry = snapshots.StoredSnapshot(at=now - age, snapshot=snapshot(execution, unit))
            field = f"{entry.snapshot.stage_run}:{unit}"
            redis.hset(connection.key(execution.pk), field, msgspec.json.encode(entry))


def age(at: float | None) -> float:
    assert at is not None
    return timezone.now().timestamp() - at


def test_active_agents_and_units(execution: Execution) -> None:
    add_agents(execution, "RUNNING", "RUNNING", "READY", "LOST")
    vitals, alive = run_statistics()
    assert vitals.agents == {"RUNNING": 2, "READY": 1}
    assert vitals.units == 3
    assert {unit for _stage_run, unit in alive[execution.pk]} == {0, 1, 2}


def test_ended_executions_are_ignored(execution: Execution) -> None:
    add_agents(execution, "RUNNING")
    Execution.objects.update(status="COMPLETED")
    vitals, alive = run_statistics()
    assert (vitals.agents, vitals.units, alive) == ({}, 0, {})
    assert live_statistics(alive).oldest_heartbeat_at is None


def test_longest_silence(execution: Execution) -> None:
    add_agents(execution, "RUNNING", "RUNNING", "READY", "LOST")
    store_snapshots(execution, {0: 2.0, 1: 90.0, 2: 5.0, 3: 900.0})
    assert 90 <= age(live_statistics(run_statistics()[1]).oldest_heartbeat_at) < 120


def test_silence_counts_from_registration(execution: Execution) -> None:
    add_agents(execution, "STARTING")
    store_snapshots(execution, {})
    assert 600 <= age(live_statistics(run_statistics()[1]).oldest_heartbeat_at) < 660


def test_silence_counts_while_units_are_heard(execution: Execution) -> None:
    add_agents(execution, "RUNNING")
    store_snapshots(execution, {0: 300.0})
    connection._client().delete(silence.KEY)
    silence.record_echo()
    assert age(live_statistics(run_statistics()[1]).oldest_heartbeat_at) < 60


def test_received_and_missed_snapshots(execution: Execution) -> None:
    add_agents(execution, "RUNNING")
    for sequence in (1, 2, 5):
        snapshots.store(execution.pk, snapshot(execution, 0, sequence))
    statistics = live_statistics(run_statistics()[1])
    assert (
        (statistics.received, statistics.lost) == (3, 2) == heartbeats.count_snapshots(execution.pk)
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {}),
        ([7.0], {0.5: 7.0, 0.9: 7.0, 0.99: 7.0, 1.0: 7.0}),
        (range(101), {0.5: 50, 0.9: 90, 0.99: 99, 1.0: 100}),
    ],
)
def test_quantiles(values: Any, expected: dict[float, float]) -> None:
    assert quantiles(values) == expected
