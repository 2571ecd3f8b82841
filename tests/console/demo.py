"""A lab in the middle of its day, for the pictures of the guide; runs in the shell of a `World`.

Nothing of it runs: rows and live figures are written as units and the controller would, so that the
pictures are the same each time.
"""

import random
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from accounts.choices import Role
from accounts.models import User
from agent.protocol import AgentReport, AgentState, ResourceUse, Snapshot
from robotsim_project.processes import presence
from rosbag2.writing.sample import make_sample
from simulations.choices import (
    AgentStatus,
    DataStatus,
    FailureCode,
    RecordingStatus,
    RunStatus,
)
from simulations.live import snapshots, system
from simulations.models import AgentRun, Execution, Mec, Recording, Simulation, StageRun
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.monitoring import history
from simulations.services.runs import lifecycle
from storage.choices import Origin
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates
from tests.console.people import ensure
from tests.support.bags import stored_bag

FLEET = 500
UNIT = 10
"""Agents of a unit."""
ODOM = {"name": "/odom", "type": "nav_msgs/msg/Odometry"}
BAGS = {"warehouse_loop": 24.0, "dock_approach": 12.0, "night_patrol": 18.0}
"""Names and seconds."""
CHANCE = random.Random(7)  # noqa: S311


def fill(folder: str) -> None:
    """Fill the database and Redis."""
    people = [User.objects.get(email=ensure(role)) for role in Role]
    operator = next(person for person in people if person.role == Role.OPERATOR)
    bags = {name: _bag(Path(folder) / name, seconds, operator) for name, seconds in BAGS.items()}
    drivers = [_template(name, bag, operator) for name, bag in bags.items()]
    edge = mecs.ensure("edge-daejeon", name="Edge site Daejeon", transport="null")
    mecs.ensure(
        "lab-router", name="Lab router", transport="zenoh-raw", endpoint="tcp/10.20.0.4:7447"
    )
    rush = _simulation("Warehouse at rush hour", drivers[0], edge, operator, FLEET)
    dock = _simulation("Docking, one after the other", drivers[1], edge, operator, 20, 20)
    night = _simulation("Night patrol", drivers[2], edge, operator, 40)
    for hours in (70, 51, 46, 27, 22, 3):
        _ended(night if hours % 2 else dock, operator, timedelta(hours=hours))
    _ended(dock, operator, timedelta(hours=1.5), failed=True)
    history.record()
    _running(rush, operator)
    for kind in ("controller", "worker"):
        presence.start(kind)


def pass_by() -> None:
    """Let the controller have been there just now."""
    system.record_controller_pass()


def fleet() -> str:
    """Address of the execution that runs."""
    return _page(RunStatus.RUNNING)


def failure() -> str:
    return _page(RunStatus.FAILED)


def _page(status: RunStatus) -> str:
    return f"/admin/simulations/execution/{Execution.objects.get(status=status).pk}/change/"


def _bag(folder: Path, seconds: float, user: User) -> Rosbag:
    make_sample(folder, seconds=seconds, seed=len(folder.name))
    return stored_bag(folder, name=folder.name, created_by=user)


def _template(name: str, bag: Rosbag, user: User) -> Template:
    title = name.replace("_", " ").capitalize()
    return templates.create(
        name=title, robot_type="AMR-4", rosbag=bag, record_topics=[ODOM], created_by=user
    )


def _simulation(name: str, driver: Template, mec: Mec, user: User, *agents: int) -> Simulation:
    stages = [StageSpec(template=driver, agent_count=count, repeat_count=3) for count in agents]
    return create_simulation(
        name=name, pattern="sequential", mec=mec, stages=stages, created_by=user
    )


def _ended(simulation: Simulation, user: User, ago: timedelta, *, failed: bool = False) -> None:
    """An execution that has ended, with its agents and its recordings."""
    execution = lifecycle.start(simulation, requested_by=user)
    begun = timezone.now() - ago
    status = RunStatus.FAILED if failed else RunStatus.COMPLETED
    took = timedelta(seconds=CHANCE.uniform(70, 80))
    for stage in execution.stage_runs.order_by("position"):
        StageRun.objects.filter(pk=stage.pk).update(
            status=status, prepared_at=begun, release_at=begun, ended_at=begun + took
        )
        stage.refresh_from_db()
        _agents(stage, simulation, failed=failed)
        _recordings(stage, user, lost=failed)
    fields: dict[str, Any] = {"data_status": DataStatus.COMPLETE, "ended_at": begun + took}
    if failed:
        fields["data_status"] = DataStatus.INCOMPLETE
        fields["failure_code"] = FailureCode.TOO_FEW_COMPLETED
    lifecycle.move_execution(execution, list(RunStatus), status, **fields)
    Execution.objects.filter(pk=execution.pk).update(created_at=begun, started_at=begun)
    execution.events.update(time=begun)


def _agents(stage: StageRun, simulation: Simulation, *, failed: bool) -> None:
    count = simulation.stages.get(position=stage.position).agent_count
    bad = set(CHANCE.sample(range(count), 3)) if failed else set()
    AgentRun.objects.bulk_create(
        AgentRun(
            stage_run=stage,
            number=number + 1,
            unit=number // UNIT,
            status=AgentStatus.FAILED if number in bad else AgentStatus.COMPLETED,
            failure_code=FailureCode.AGENT_CRASHED if number in bad else "",
            last_log="opening the transport\nMemoryError" if number in bad else "",
            published=5400,
            published_bytes=3_900_000,
            passes=3,
            ended_at=stage.ended_at,
            **_timing(),
        )
        for number in range(count)
    )


def _timing() -> dict[str, float]:
    """Lateness and skew of an agent, in µs."""
    return {
        "lateness_p50_us": CHANCE.lognormvariate(4.2, 0.2),
        "lateness_p99_us": CHANCE.lognormvariate(6.6, 0.4),
        "start_skew_us": CHANCE.gauss(180, 60),
        "skew_uncertainty_us": 90.0,
    }


def _recordings(stage: StageRun, user: User, *, lost: bool) -> None:
    source = Rosbag.objects.filter(origin=Origin.UPLOADED)[0]
    recorded = Rosbag.objects.get(pk=source.pk)
    recorded.pk = recorded.claimed_digest = None
    recorded.name, recorded.origin = f"Recording of {stage}", Origin.RECORDED
    recorded.save()
    Recording.objects.create(
        stage_run=stage,
        unit=0,
        topics=[ODOM],
        status=RecordingStatus.STORED,
        message_count=1440,
        rosbag=recorded,
    )
    if lost:
        Recording.objects.create(
            stage_run=stage, unit=1, topics=[ODOM], status=RecordingStatus.LOST
        )


def _running(simulation: Simulation, user: User) -> None:
    """A fleet in the middle of its first pass; its figures are live ones, in Redis."""
    execution = lifecycle.start(simulation, requested_by=user)
    begun = timezone.now() - timedelta(seconds=31)
    stage = execution.stage_runs.get()
    StageRun.objects.filter(pk=stage.pk).update(prepared_at=begun, handle="demo")
    lifecycle.move_execution(execution, list(RunStatus), RunStatus.PREPARING)
    lifecycle.move_stage(stage, list(RunStatus), RunStatus.PREPARING)
    lifecycle.release(execution, [stage], begun)
    Execution.objects.filter(pk=execution.pk).update(created_at=begun, started_at=begun)
    AgentRun.objects.bulk_create(
        AgentRun(stage_run=stage, number=n + 1, unit=n // UNIT, status=AgentStatus.RUNNING)
        for n in range(FLEET)
    )
    for unit in range(FLEET // UNIT):
        snapshots.store(execution.pk, _snapshot(stage, unit))


def _snapshot(stage: StageRun, unit: int) -> Snapshot:
    agents = tuple(
        AgentReport(
            number=unit * UNIT + n + 1,
            state=AgentState.RUNNING,
            published=CHANCE.randint(2100, 2200),
            published_bytes=1_500_000,
            passes=1,
            **_timing(),
        )
        for n in range(UNIT)
    )
    use = ResourceUse(
        cpu_seconds=9.0, cpu_cores=0.3, memory_bytes=88 * 2**20, memory_peak_bytes=90 * 2**20
    )
    return Snapshot(
        stage_run=stage.pk,
        unit=unit,
        attempt=1,
        sequence=30,
        sent_ns=time.time_ns(),
        agents=agents,
        resources=use,
    )
