"""/metrics tells true figures, to those who may see them, whatever is away."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import DatabaseError, OperationalError
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from accounts.choices import Role, Scope
from accounts.models import ApiToken, User
from accounts.services.bearers import api_token, issue_access
from robotsim_project.health import dependencies
from robotsim_project.telemetry import metrics, statistics
from simulations.exceptions import RedisUnreachableError
from simulations.live import connection, system
from simulations.models import AgentRun, Execution, Recording, Simulation, StageRun
from simulations.services.designs import mecs
from simulations.services.runs import reports
from simulations.services.runs.tokens import token_for
from storage.models import Rosbag
from storage.tasks import verify_rosbag
from tests.support.counting import added_up

pytestmark = pytest.mark.django_db
TOKEN = "m" * 32
Figures = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture(autouse=True)
def fresh(empty_redis: None) -> Iterator[None]:
    statistics._cache.clear()
    yield
    statistics._cache.clear()


def figures(client: Client | None = None, **headers: str) -> Figures:
    """All samples by name and values of labels, in the order of their names."""
    answer = (client or Client()).get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


@pytest.fixture
def make(db: None) -> Callable[..., Execution]:
    """An execution with one stage run, in any state."""
    mec = mecs.ensure("nowhere", name="Nowhere", transport="null")

    def made(status: str, **fields: Any) -> Execution:
        number = Simulation.objects.count()
        simulation = Simulation.objects.create(name=f"s{number}", pattern="parallel", mec=mec)
        execution = Execution.objects.create(
            simulation=simulation, number=1, plan={}, status=status, **fields
        )
        StageRun.objects.create(execution=execution, position=0, status=status, units=3)
        return execution

    return made


def test_executions_by_state_and_by_how_they_ended(make: Callable[..., Execution]) -> None:
    for status, code in [
        ("RUNNING", ""),
        ("RUNNING", ""),
        ("COMPLETED", ""),
        ("FAILED", "AGENT_LOST"),
        ("FAILED", "RECORDING_LOST"),
        ("STOPPED", "STOPPED_BY_USER"),
    ]:
        make(status, failure_code=code)
    found = figures()
    assert found["robotsim_executions", ("RUNNING",)] == 2
    assert found["robotsim_executions", ("FAILED",)] == 2
    assert found["robotsim_executions", ("PENDING",)] == 0
    assert found["robotsim_executions_ended", ("AGENT_LOST", "FAILED")] == 1
    assert found["robotsim_executions_ended", ("STOPPED_BY_USER", "STOPPED")] == 1
    assert found["robotsim_executions_ended", ("", "COMPLETED")] == 1


def test_the_controller_is_as_old_as_its_last_pass() -> None:
    assert ("robotsim_controller_last_pass_age_seconds", ()) not in figures()
    statistics._cache.clear()
    with connection.connect() as redis:
        redis.delete("robotsim:live:vitals")
    system.record_controller_pass()
    assert figures()["robotsim_controller_last_pass_age_seconds", ()] < 60


def test_the_queue_and_its_oldest_task() -> None:
    for _ in range(3):
        verify_rosbag.enqueue(1)
    first = DBTaskResult.objects.order_by("enqueued_at")[0]
    hour = timezone.now() - timedelta(hours=1)
    DBTaskResult.objects.filter(pk=first.pk).update(enqueued_at=hour)
    other = DBTaskResult.objects.exclude(pk=first.pk)[0]
    DBTaskResult.objects.filter(pk=other.pk).update(status="RUNNING", started_at=timezone.now())
    found = figures()
    assert found["robotsim_tasks", ("ready", "verify_rosbag")] == 2
    assert found["robotsim_tasks", ("running", "verify_rosbag")] == 1
    assert 3600 <= found["robotsim_tasks_oldest_age_seconds", ("ready", "verify_rosbag")] < 3700
    assert found["robotsim_tasks_oldest_age_seconds", ("running", "verify_rosbag")] < 60


def test_latency_lateness_and_skew_of_recent_executions(make: Callable[..., Execution]) -> None:
    now = timezone.now()
    for seconds in range(1, 5):
        figures_of_it = {"lateness_us_p99": 100.5 * seconds, "start_skew_us_max": 50}
        outcome = {"figures": figures_of_it | {"messages_undelivered": seconds}}
        execution = make("COMPLETED", outcome=outcome)
        asked = now - timedelta(minutes=5)
        Execution.objects.filter(pk=execution.pk).update(
            created_at=asked, started_at=asked + timedelta(seconds=seconds)
        )
    make("RUNNING", started_at=now)  # has no outcome yet
    old = make("COMPLETED", started_at=now)
    Execution.objects.filter(pk=old.pk).update(created_at=now - timedelta(hours=2))
    found = figures()
    assert found["robotsim_recent_executions", ()] == 5
    assert found["robotsim_start_latency_seconds", ("1",)] == 4
    assert found["robotsim_start_latency_seconds", ("0.5",)] == 2
    assert found["robotsim_lateness_p99_seconds", ("1",)] == pytest.approx(402e-6)
    assert found["robotsim_start_skew_seconds", ("0.5",)] == pytest.approx(50e-6)
    assert found["robotsim_messages_undelivered", ()] == 10


def test_what_is_stored_and_what_is_under_way(make: Callable[..., Execution]) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    Rosbag.objects.create(name="a", status="ready", size=100)
    Rosbag.objects.create(name="b", status="ready", size=11, origin="recorded")
    Rosbag.objects.create(name="c", status="ready", size=7, deleted_at=timezone.now())
    Rosbag.objects.create(name="d", status="verifying", size=1, lease_until=soon)
    Rosbag.objects.create(name="e", status="verifying", size=1)
    Rosbag.objects.create(name="f", status="uploading", in_parts=True)
    stage_run = make("RUNNING").stage_runs.get()
    Recording.objects.create(stage_run=stage_run, unit=0, status="LOST")
    found = figures()
    assert found["robotsim_rosbags", ("uploaded", "ready")] == 1
    assert found["robotsim_rosbags_size_bytes", ("uploaded", "ready")] == 100
    assert found["robotsim_rosbags_size_bytes", ("recorded", "ready")] == 11
    assert found["robotsim_rosbags_size_bytes", ("uploaded", "deleted")] == 7
    assert found["robotsim_rosbags", ("uploaded", "verifying")] == 2
    assert found["robotsim_rosbags_in_verification", ()] == 1
    assert found["robotsim_upload_sessions", ()] == 1
    assert found["robotsim_recordings", ("LOST",)] == 1


def test_the_number_of_queries_does_not_grow(
    make: Callable[..., Execution],
    django_assert_num_queries: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statistics, "CACHE_SECONDS", 60)
    for _ in range(2):
        for status in ("RUNNING", "COMPLETED"):
            stage_run = make(status).stage_runs.get()
            AgentRun.objects.create(stage_run=stage_run, number=0, unit=0, status="RUNNING")
        statistics._cache.clear()
        with connection.connect() as redis:
            redis.delete("robotsim:live:vitals")
        with django_assert_num_queries(6):
            figures()
    with django_assert_num_queries(0):
        figures()
    statistics._cache.clear()  # another process: what the first has counted is in Redis
    with django_assert_num_queries(0):
        assert figures()["robotsim_executions", ("RUNNING",)] == 2


def test_redis_away(make: Callable[..., Execution], monkeypatch: pytest.MonkeyPatch) -> None:
    make("RUNNING")

    def away() -> Any:
        raise RedisUnreachableError("Redis does not answer")

    monkeypatch.setattr(connection._connector, "open", away)
    found = figures()
    assert found["robotsim_up", ("redis",)] == 0
    assert found["robotsim_up", ("database",)] == 1
    assert found["robotsim_executions", ("RUNNING",)] == 1
    assert ("robotsim_controller_last_pass_age_seconds", ()) not in found
    assert ("robotsim_snapshots", ("received",)) not in found


def test_database_away(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_words: Any) -> None:
        raise OperationalError("gone")

    settings.METRICS_TOKEN = TOKEN
    system.record_controller_pass()
    result = dependencies.CheckResult("It does not answer.", "gone")
    monkeypatch.setitem(dependencies.CHECKS, "database", dependencies.Check(lambda: result))
    monkeypatch.setattr(metrics, "_authenticate", away)
    found = figures(Authorization=f"Bearer {TOKEN}")
    assert found["robotsim_up", ("database",)] == 0
    assert found["robotsim_up", ("redis",)] == 1
    assert ("robotsim_executions", ("RUNNING",)) not in found
    assert ("robotsim_rosbags_in_verification", ()) not in found
    assert found["robotsim_controller_last_pass_age_seconds", ()] < 60
    assert Client().get("/metrics").status_code == 401


def test_a_database_that_breaks_off_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> None:
        raise DatabaseError("the server closed the connection")

    monkeypatch.setattr(statistics, "run_statistics", breaks)
    assert figures()["robotsim_up", ("database",)] == 0


def test_storage_away(settings: Any, s3_settings: Any) -> None:
    settings.MINIO_ENDPOINT = "127.0.0.1:1"
    assert figures()["robotsim_up", ("storage",)] == 0


def test_what_another_version_has_kept_is_counted_anew(make: Callable[..., Execution]) -> None:
    make("RUNNING")
    system.cache_statistics(b'{"up":{"database":true}}', 60)
    assert figures()["robotsim_executions", ("RUNNING",)] == 1


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("", 401),
        ("Bearer", 401),
        (f"Bearer {TOKEN[1:]}", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
    ],
)
def test_with_a_token_only_who_shows_it(settings: Any, header: str, status: int) -> None:
    settings.METRICS_TOKEN = TOKEN
    answer = Client().get("/metrics", headers={"Authorization": header})
    assert answer.status_code == status
    if status == 401:
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert "METRICS_TOKEN" in answer.json()["detail"]
        assert TOKEN not in answer.content.decode()


@pytest.mark.parametrize("role", list(Role))
def test_an_admin_who_has_signed_in_sees_it(settings: Any, role: Role) -> None:
    settings.METRICS_TOKEN = TOKEN
    user = User.objects.create_user("kim@example.org", role=role)
    session = Client()
    session.force_login(user)
    bearer = {"Authorization": f"Bearer {issue_access(user)[0]}"}
    expected = 200 if role == Role.ADMIN else 403
    assert session.get("/metrics").status_code == expected
    assert Client().get("/metrics", headers=bearer).status_code == expected


@pytest.mark.parametrize(("scope", "status"), [(Scope.ADMIN, 200), (Scope.READ, 403)])
def test_a_program_needs_the_scope(settings: Any, scope: Scope, status: int) -> None:
    settings.METRICS_TOKEN = TOKEN
    user = User.objects.create_user("kim@example.org", role=Role.ADMIN)
    secret, prefix, digest = api_token("random")
    ApiToken.objects.create(user=user, name="ci", prefix=prefix, digest=digest, scopes=[scope])
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == status


def test_production_without_a_token_is_closed(settings: Any) -> None:
    settings.PRODUCTION = True
    answer = Client().get("/metrics")
    assert (answer.status_code, answer.json()["code"]) == (403, "METRICS_CLOSED")
    assert "set METRICS_TOKEN" in answer.json()["detail"]
    settings.METRICS_TOKEN = TOKEN
    assert figures(Authorization=f"Bearer {TOKEN}")


def test_it_is_served_over_plain_http_in_the_cluster(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/metrics").status_code == 200
    assert Client().get("/docs").status_code == 301


def test_other_methods_are_refused() -> None:
    assert Client().post("/metrics").status_code == 405


def test_who_asks_for_openmetrics_gets_it() -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    answer = Client().get("/metrics", headers={"Accept": accept})
    assert answer["Content-Type"].startswith("application/openmetrics-text")
    names = {family.name for family in open_metrics(answer.content.decode())}
    assert {"robotsim_up", "robotsim_build"} <= names


@pytest.mark.parametrize("method", ["GET", "BREW", "PURGE"])
def test_methods_that_nobody_knows_are_one_label(method: str) -> None:
    Client().generic(method, "/docs")
    assert not any("BREW" in labels or "PURGE" in labels for _name, labels in figures())


def test_it_answers_under_asgi() -> None:
    answer: Any = async_to_sync(AsyncClient().get)("/metrics")
    assert b"robotsim_up" in answer.content


def test_heartbeats_are_counted_by_status(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = figures()
    client.raise_request_exception = False
    place, signed = reverse("unit-report"), {"Authorization": f"Unit {token_for(1)}"}
    client.post(place, " " * (5 * 2**20), content_type="application/json", headers=signed)
    monkeypatch.setattr(reports, "report", lambda *_: 1 / 0)
    message = b'{"stage_run":1,"unit":0,"attempt":1,"sequence":1,"sent_ns":1,"agents":[]}'
    client.post(place, message, content_type="application/json", headers=signed)
    for status in ("413", "500"):
        name = ("robotsim_heartbeats_total", (status,))
        assert figures()[name] == before.get(name, 0) + 1


def test_several_processes_are_added_up(
    process_environment: dict[str, str], tmp_path: Path
) -> None:
    output = added_up(process_environment, tmp_path)
    assert output.count('robotsim_heartbeats_total{status="405"} 2.0') == 1
    assert output.count("robotsim_up{") == 3
