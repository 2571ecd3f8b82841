"""Rows of every kind, as pages of the console show them; runs in the shell of a `World`."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

from axes.models import AccessAttempt
from django.utils import timezone

from accounts.choices import Scope
from accounts.models import IdempotencyKey, RevokedSignIn, User
from accounts.services import api_tokens
from common.admin.actions import admin_url
from rosbag2.writing.sample import make_sample
from simulations.choices import (
    AgentStatus,
    DataStatus,
    DeletionStatus,
    EventKind,
    FailureCode,
    RecordingStatus,
    RunStatus,
)
from simulations.models import AgentRun, Deletion, Execution, Mec, Recording, Simulation
from simulations.services.designs import mecs
from simulations.services.designs.simulations import create_simulation
from simulations.services.events import record_event
from storage.choices import ExportFormat, ExportStatus, Status
from storage.models import Export, Rosbag
from storage.services.exports import exports
from templates.models import Template
from templates.services import templates
from tests.support.bags import stored_bag
from tests.support.seed import seed

LONG_AGO = timedelta(days=3)


def fill(folder: str) -> None:
    """Fill the database."""
    admin = seed(Path(folder)).admin
    _accounts(admin)
    _rosbags(Path(folder), admin)
    _templates(admin)
    _simulations(admin)
    for number, execution in enumerate(Execution.objects.order_by("pk")):
        _execution(execution, number)


def _accounts(admin: User) -> None:
    User.objects.create_user("gone@example.org", is_active=False)
    revoked, _secret = api_tokens.create(admin, name="old", scopes=[Scope.READ, Scope.RUN])
    api_tokens.revoke(type(revoked).objects.filter(pk=revoked.pk))
    RevokedSignIn.objects.create(name="0" * 32)
    IdempotencyKey.objects.create(
        user=admin,
        key="night-7",
        route="POST /api/v1/simulations",
        body_hash="0" * 64,
        lease_until=timezone.now(),
        status_code=201,
        answer={"id": 1},
    )
    AccessAttempt.objects.create(
        username="walker@example.org", ip_address="10.0.0.7", failures_since_start=5
    )


def _rosbags(folder: Path, admin: User) -> None:
    make_sample(folder / "torn")
    (folder / "torn" / "metadata.yaml").unlink()
    stored_bag(folder / "torn", name="torn", created_by=admin)  # becomes a repaired one as well
    (folder / "nothing").mkdir()
    (folder / "nothing" / "drive_0.db3").write_bytes(b"no database")
    stored_bag(folder / "nothing", name="nothing", created_by=admin)
    ready = Rosbag.objects.usable().order_by("pk")[0]
    make_sample(folder / "warned", seconds=9)
    warned = stored_bag(folder / "warned", name="warned", created_by=admin)
    Rosbag.objects.filter(pk=warned.pk).update(
        status=Status.READY_WITH_WARNINGS, code="OK_WITH_WARNINGS"
    )
    _copied(ready, name="thrown away", deleted_at=timezone.now())
    _copied(ready, name="being checked", status=Status.VERIFYING)
    source = Rosbag.objects.usable().order_by("pk")[0]
    for status, kind in zip(ExportStatus.values, cycle(ExportFormat.values)):
        export = exports.request(source, exports.ExportOptions(kind), created_by=admin)
        code = "EXPORT_FAILED" if status == ExportStatus.FAILED else ""
        Export.objects.filter(pk=export.pk).update(status=status, code=code, progress=0.4)


def _copied(row: Rosbag, **fields: object) -> None:
    """Store another row like this one, with its topics."""
    topics = list(row.topics.all())
    copy = Rosbag.objects.get(pk=row.pk)
    copy.pk = copy.claimed_digest = None
    for name, value in fields.items():
        setattr(copy, name, value)
    copy.save()
    for topic in topics:
        topic.pk, topic.rosbag = None, copy
        topic.save()


def _templates(admin: User) -> None:
    rosbag = Rosbag.objects.usable().order_by("pk")[0]
    gone = templates.create(name="old driver", rosbag=rosbag, created_by=admin)
    Template.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    templates.create(name="everything, unpaced", rosbag=rosbag, rate=0, created_by=admin)


def _simulations(admin: User) -> None:
    router = mecs.ensure(
        "router", name="Router", transport="zenoh-raw", endpoint="tcp/127.0.0.1:7447"
    )
    Mec.objects.filter(pk=mecs.ensure("off", name="Off", transport="null").pk).update(enabled=False)
    create_simulation(name="draft", pattern="parallel", mec=router, stages=[], created_by=admin)
    for number, status in enumerate(DeletionStatus):
        Deletion.objects.create(
            simulation_id=10**6 + number,
            name=f"drive of {status}",
            status=status,
            permanent=True,
            progress=40,
            error_code="STEP_FAILED" if status == DeletionStatus.FAILED else "",
            requested_by=admin,
        )
    gone = Simulation.objects.filter(deleted_at=None, executions=None).order_by("-pk")[0]
    Simulation.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())


def _execution(execution: Execution, number: int) -> None:
    """Give an execution times, failed agents, recordings of each status and events of each kind."""
    begun = timezone.now() - LONG_AGO * number / 9
    Execution.objects.filter(pk=execution.pk).update(created_at=begun, started_at=begun)
    stage = execution.stage_runs.order_by("position")[0]
    AgentRun.objects.filter(stage_run=stage, status=AgentStatus.FAILED).update(
        failure_code=FailureCode.AGENT_CRASHED,
        failure_text="Exit code 1.",
        last_log="opening the transport\nTraceback (most recent call last)\nMemoryError",
    )
    if execution.status not in {RunStatus.FAILED, RunStatus.RUNNING}:
        return
    if execution.status == RunStatus.FAILED:
        Execution.objects.filter(pk=execution.pk).update(data_status=DataStatus.INCOMPLETE)
    for unit, status in enumerate(RecordingStatus.values, start=1):
        Recording.objects.create(stage_run=stage, unit=unit, topics=[], status=status)
    for kind, payload in _events():
        record_event(execution.pk, kind, payload=payload)


def _events() -> Iterator[tuple[EventKind, dict[str, object]]]:
    at = timezone.now().isoformat()
    payloads: dict[EventKind, dict[str, object]] = {
        EventKind.UNIT_LOST: {"position": 1, "unit": 1, "code": "AGENT_LOST"},
        EventKind.UNIT_NEVER_REGISTERED: {
            "stage": 1,
            "unit": 2,
            "failure_code": "BACKEND_UNAVAILABLE",
        },
        EventKind.UNIT_RETRIED: {"unit": 1, "attempt": 2},
        EventKind.LINK_LOST: {"position": 1, "unit": 1, "agents": 2, "began_at": at},
        EventKind.RECORDING_STATUS: {"unit": 1, "status": "LOST", "text": "The disk was full."},
    }
    yield from payloads.items()


def path(name: str) -> str:
    """Address of the page of one row, by what it shows."""
    row: Any = {
        "running execution": Execution.objects.filter(status=RunStatus.RUNNING),
        "failed execution": Execution.objects.filter(status=RunStatus.FAILED),
        "rosbag": Rosbag.objects.usable().order_by("pk"),
        "simulation": Simulation.objects.filter(deleted_at=None).order_by("pk"),
    }[name][0]
    return admin_url(row)
