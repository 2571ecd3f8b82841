"""Which units live, how long the most silent one has been silent, and how many snapshots came."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from agent.protocol import AgentReport, AgentState, Snapshot
from simulations.live import connection, heartbeats, silence, snapshots
from simulations.models import AgentRun, Execution, Simulation, StageRun
from simulations.services.monitoring.metrics import live_statistics, quantiles, run_statistics
from simulations.services.runs import lifecycle

Design = Callable[..., Simulation]


@pytest.fixture
def execution(design: Design) -> Execution:
    """One that runs, with four units."""
    found = lifecycle.start(design(4))
    Execution.objects.update(status="RUNNING")
    StageRun.objects.update(status="RUNNING", units=4)
    return found


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


def speak(execution: Execution, ages: dict[int, float]) -> None:
    """Let units have been heard so many seconds ago, and Redis be there for an hour."""
    now = timezone.now().timestamp()
    with connection.connect() as redis:
        redis.set("robotsim:live:since", now - 3600)
        for unit, age in ages.items():
            heard = snapshots.StoredSnapshot(at=now - age, snapshot=snapshot(execution, unit))
            field = f"{heard.snapshot.stage_run}:{unit}"
            redis.hset(connection.key(execution.pk), field, msgspec.json.encode(heard))


def age(at: float | None) -> float:
    assert at is not None
    return timezone.now().timestamp() - at


def test_agents_that_have_not_ended_and_their_units(execution: Execution) -> None:
    add_agents(execution, "RUNNING", "RUNNING", "READY", "LOST")
    vitals, alive = run_statistics()
    assert vitals.agents == {"RUNNING": 2, "READY": 1}
    assert vitals.units == 3
    assert {unit for _stage_run, unit in alive[execution.pk]} == {0, 1, 2}


def test_what_has_ended_is_not_looked_at(execution: Execution) -> None:
    add_agents(execution, "RUNNING")
    Execution.objects.update(status="COMPLETED")
    vitals, alive = run_statistics()
    assert (vitals.agents, vitals.units, alive) == ({}, 0, {})
    assert live_statistics(alive).oldest_heartbeat_at is None


def test_the_unit_that_is_silent_for_longest(execution: Execution) -> None:
    add_agents(execution, "RUNNING", "RUNNING", "READY", "LOST")
    speak(execution, {0: 2.0, 1: 90.0, 2: 5.0, 3: 900.0})
    assert 90 <= age(live_statistics(run_statistics()[1]).oldest_heartbeat_at) < 120


def test_who_has_not_spoken_yet_counts_from_its_registration(execution: Execution) -> None:
    add_agents(execution, "STARTING")
    speak(execution, {})
    assert 600 <= age(live_statistics(run_statistics()[1]).oldest_heartbeat_at) < 660


def test_nobody_is_silent_for_longer_than_it_could_be_heard(execution: Execution) -> None:
    add_agents(execution, "RUNNING")
    speak(execution, {0: 300.0})
    silence.reset()
    assert age(live_statistics(run_statistics()[1]).oldest_heartbeat_at) < 60


def test_snapshots_that_came_and_that_did_not(execution: Execution) -> None:
    add_agents(execution, "RUNNING")
    for sequence in (1, 2, 5):
        snapshots.store(execution.pk, snapshot(execution, 0, sequence))
    found = live_statistics(run_statistics()[1])
    assert (found.received, found.lost) == (3, 2) == heartbeats.count_snapshots(execution.pk)


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
