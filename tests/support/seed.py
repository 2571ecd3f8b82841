"""One of everything in the database, for tests that walk the whole API."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils import timezone

from accounts.choices import Role, Scope
from accounts.models import User
from accounts.services import api_tokens
from accounts.services.bearers import issue_access
from rosbag2.writing.sample import make_sample
from simulations.choices import ACTIVE, AgentStatus, DataStatus, FailureCode, RunStatus
from simulations.models import AgentRun, Execution, Recording, Simulation
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.maintenance import deletion
from simulations.services.runs import lifecycle
from storage.models import Rosbag
from storage.services.intake import sessions, uploads
from templates.models import Template
from templates.services import templates
from tests.support.bags import stored_bag

FAR = 10**12
"""Id of the admin of the tests, which guessed ids do not hit."""
COPIES = 3
"""Number of copies, so that some are left after removals."""
ODOM = {"name": "/odom", "type": "nav_msgs/msg/Odometry"}


@dataclass
class Seeded:
    """Access token of the admin, and existing ids by resource."""

    admin: User
    token: str
    ids: dict[str, list[int]] = field(default_factory=dict)


def seed(folder: Path) -> Seeded:
    """Fill the database."""
    admin = User.objects.create_user("walker@example.org", "not guessed", role=Role.ADMIN, pk=FAR)
    found = Seeded(admin, issue_access(admin)[0])
    found.ids["users"] = [
        User.objects.create_user(f"{role}{n}@example.org", "not guessed", role=role).pk
        for role in Role
        for n in range(COPIES)
    ]
    token, _secret = api_tokens.create(admin, name="nightly", scopes=[Scope.READ])
    found.ids["tokens"] = [token.pk]
    bags = [_rosbag(folder / f"drive{n}", n, admin) for n in range(COPIES)]
    found.ids["rosbags"] = [bag.pk for bag in bags]
    made = [_template(f"driver {n}", bags[0], admin) for n in range(COPIES)]
    found.ids["templates"] = [template.pk for template in made]
    found.ids["mecs"] = [
        mecs.ensure(f"mec-{n}", name=f"Mec {n}", transport="null").pk for n in "abc"
    ]
    simulations = [_simulation(f"drive {n}", made[0], admin) for n in range(COPIES)]
    found.ids["simulations"] = [simulation.pk for simulation in simulations]
    runs = [_execution(simulations[0], status, admin, bags[1]) for status in RunStatus]
    found.ids["executions"] = [execution.pk for execution in runs]
    gone = _simulation("gone", made[0], admin)
    found.ids["deletions"] = [deletion.request(gone, requested_by=admin).pk]
    files = [
        uploads.NewFile("metadata.yaml", 2048, ""),
        uploads.NewFile("drive_0.db3", 40_000_000, ""),
    ]
    opened = [sessions.open_session(f"course {n}", files, admin)[0] for n in range(COPIES)]
    found.ids["uploads"] = [rosbag.pk for rosbag in opened]
    return found


def _rosbag(folder: Path, number: int, user: User) -> Rosbag:
    make_sample(folder, seconds=number + 1)
    return stored_bag(folder, created_by=user)


def _template(name: str, rosbag: Rosbag, user: User) -> Template:
    return templates.create(name=name, rosbag=rosbag, record_topics=[ODOM], created_by=user)


def _simulation(name: str, template: Template, user: User) -> Simulation:
    stages = [StageSpec(template=template, agent_count=n, execution_time=60) for n in (2, 1)]
    return create_simulation(
        name=name,
        pattern="sequential",
        mec=mecs.ensure("mec-a", name="Mec a", transport="null"),
        stages=stages,
        created_by=user,
        concurrent_executions=True,
    )


def _execution(simulation: Simulation, status: RunStatus, user: User, rosbag: Rosbag) -> Execution:
    """Create an execution in a state."""
    execution = lifecycle.start(simulation, requested_by=user)
    fields: dict[str, Any] = {}
    if status == RunStatus.FAILED:
        fields = {"failure_code": FailureCode.AGENT_CRASHED, "failure_text": "Exit code 1."}
    if status == RunStatus.STOPPING:
        fields = {"stopped_by": user, "failure_values": {"stopped_by": str(user)}}
    if status not in ACTIVE:
        fields["data_status"] = DataStatus.COMPLETE
    lifecycle.move_execution(execution, list(RunStatus), status, **fields)
    stage = execution.stage_runs.order_by("position")[0]
    lifecycle.move_stage(stage, list(RunStatus), status)
    _agents(stage.pk)
    bag = rosbag if status == RunStatus.COMPLETED else None
    Recording.objects.create(stage_run=stage, unit=0, topics=[ODOM], rosbag=bag)
    return execution


def _agents(stage: int) -> None:
    AgentRun.objects.bulk_create(
        AgentRun(
            stage_run_id=stage,
            number=number,
            unit=0,
            status=list(AgentStatus)[number % len(AgentStatus)],
            published=500,
            published_bytes=350_000,
            lateness_p50_us=60.0,
            lateness_p99_us=900.0,
            start_skew_us=250.0,
            skew_uncertainty_us=90.0,
            ended_at=timezone.now(),
        )
        for number in range(1, 12)
    )
