"""A database of the version before migrates, and its code still runs on the migrated one."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import timezone

from accounts.models import IdempotencyKey, User
from accounts.services import idempotency
from common.db import leases
from simulations.models import AgentRun, Deletion, Execution, StageRun
from storage.models import Export, Rosbag

BEFORE = [
    ("accounts", "0002_tokens_and_generations"),
    ("simulations", "0007_indexes_of_lists"),
    ("storage", "0006_repaired"),
    ("templates", "0002_search_on_postgresql"),
]
REQUEST = {"key": "start-1", "route": "POST /api/v1/executions", "body_hash": "b" * 64}
PLAN = json.loads("""{"version": 1, "pattern": "parallel", "mec": 1, "mec_name": "nowhere",
    "backend": "local", "agents_per_unit": 1, "namespace_prefix": "/agent_", "link": {"transport": "null"},
    "stages": [{"position": 1, "name": "", "template": 1, "template_name": "t", "template_version": 1,
    "robot_type": "", "rosbag": 1, "rosbag_digest": "", "topics": [], "messages_a_pass": 9,
    "seconds_a_pass": 2.0, "rate": 1.0, "record": [], "record_own": true, "agents": 1, "first_agent": 1,
    "execution_time": 0.0, "repeats": 1, "delay_after": 0.0, "area": "", "retries": 0, "min_success": 100,
    "continue_on_failure": false}]}""")
FAILURE = {"failure_code": "AGENT_LOST", "failure_text": "Text of a failure."}
ERROR = "Text of a deletion."


@pytest.fixture
def old_apps(transactional_db: None) -> Iterator[Any]:
    """The models of the version before, on a database migrated back to it."""
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    try:
        executor.migrate(BEFORE)
        yield executor.loader.project_state(BEFORE).apps
    finally:
        migrate(leaves)


def migrate(targets: list[tuple[str, str]] | None = None) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(targets or executor.loader.graph.leaf_nodes())


def insert(apps: Any, prefix: str, held_until: datetime) -> SimpleNamespace:
    """Insert one row of each changed model; old models name only the columns they know."""

    def create(model: str, **values: Any) -> Any:
        return apps.get_model(model).objects.create(**values)

    user = create("accounts.User", email=f"{prefix}@example.com", role="admin")
    answer: dict[str, Any] = {"status_code": 202, "answer": {"id": 7}}
    create("accounts.IdempotencyKey", user=user, lease_until=held_until, **REQUEST, **answer)
    rosbag = create("storage.Rosbag", name=prefix, status="verifying", lease_until=held_until)
    span = {"name": prefix, "format": "csv", "start_ns": 0, "end_ns": 1}
    held = {"status": "running", "lease_until": held_until, "begun": 2}
    export = create("storage.Export", source=rosbag, **span, **held)
    mec = create("simulations.Mec", slug=prefix, name=prefix)
    simulation = create("simulations.Simulation", name=prefix, pattern="parallel", mec=mec)
    deletion = create("simulations.Deletion", simulation_id=simulation.pk, name=prefix, error=ERROR)
    ended: dict[str, Any] = {"status": "FAILED", **FAILURE}
    run = {"simulation": simulation, "number": 1, "plan": PLAN}
    execution = create("simulations.Execution", **run, **ended)
    stage = create("simulations.StageRun", execution=execution, position=1, units=1, **ended)
    agent = create("simulations.AgentRun", stage_run=stage, number=1, unit=1, **ended)
    rows = {"user": user, "rosbag": rosbag, "export": export, "deletion": deletion}
    rows |= {"execution": execution, "stage": stage, "agent": agent}
    return SimpleNamespace(**{name: row.pk for name, row in rows.items()})


def assert_readable(pks: SimpleNamespace, client: Client) -> None:
    user = User.objects.get(pk=pks.user)
    client.force_login(user)
    for path, name, text in [
        (f"executions/{pks.execution}", "failure_text", FAILURE["failure_text"]),
        (f"deletions/{pks.deletion}", "error", ERROR),
        (f"exports/{pks.export}", "status", "running"),
    ]:
        response = client.get(f"/api/v1/{path}", headers={"accept-language": "ko"})
        assert (response.status_code, response.json()[name]) == (200, text)
    for model, pk in [(StageRun, pks.stage), (AgentRun, pks.agent), (Execution, pks.execution)]:
        assert model.objects.get(pk=pk).failure_values is None
    stored = idempotency.find(idempotency.IdempotentRequest(lambda: user, **REQUEST))
    assert stored == idempotency.StoredResponse(202, {"id": 7})
    assert IdempotencyKey.objects.get(user=user).attempts == 0


def assert_leases_work(pks: SimpleNamespace) -> None:
    """Leases of the old code are respected, and taken over with their attempts once expired."""
    expired = timezone.now() - timedelta(seconds=1)
    rows = [(Export, pks.export, 2), (Rosbag, pks.rosbag, 0), (Deletion, pks.deletion, 0)]
    for model, pk, attempts in rows:
        row = model.objects.filter(pk=pk)
        if model is not Deletion:  # the old code had no lease for deletions
            assert leases.claim(row, pk) is None
            row.update(lease_until=expired)
        lease = leases.claim(row, pk)
        assert lease is not None
        assert lease.attempts == attempts + 1
        assert leases.claim(row, pk) is None
        lease.finish()
        assert row.filter(lease_until=None, attempts=0).exists()


@pytest.mark.usefixtures("empty_redis")
def test_rows_of_the_version_before_are_read_and_leased(old_apps: Any, client: Client) -> None:
    pks = insert(old_apps, "before", timezone.now() + timedelta(hours=1))
    migrate()
    assert_readable(pks, client)
    assert_leases_work(pks)


@pytest.mark.usefixtures("empty_redis")
def test_the_version_before_writes_to_the_migrated_database(old_apps: Any, client: Client) -> None:
    migrate()
    pks = insert(old_apps, "during", timezone.now() + timedelta(hours=1))
    assert_readable(pks, client)
    assert_leases_work(pks)
    changed = old_apps.get_model("storage.Export").objects.filter(pk=pks.export, begun=0)
    assert changed.update(begun=3, status="done") == 1
    assert Export.objects.get(pk=pks.export).attempts == 3


def test_starts_of_what_never_began_are_withdrawn(old_apps: Any) -> None:
    """The version before wrote the release, which lies ahead, as the start."""
    pks = insert(old_apps, "before", timezone.now())
    ended = timezone.now()
    ahead = {"release_at": ended + timedelta(seconds=3), "ended_at": ended}
    StageRun.objects.filter(pk=pks.stage).update(**ahead)
    execution = old_apps.get_model("simulations.Execution").objects
    execution.update(started_at=ahead["release_at"], ended_at=ended + timedelta(seconds=9))
    migrate()
    assert StageRun.objects.get(pk=pks.stage).release_at is None
    assert Execution.objects.get(pk=pks.execution).started_at is None
