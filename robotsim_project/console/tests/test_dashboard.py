"""The dashboard: true numbers, what each role may do, and outages."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone

from accounts.choices import Role
from robotsim_project.console.dashboard.page import BUSY_SECONDS, IDLE_SECONDS
from robotsim_project.health import dependencies
from robotsim_project.health.checks import Check, CheckResult
from robotsim_project.processes import presence
from simulations.exceptions import RedisUnreachableError
from simulations.live import connection, system
from simulations.models import Execution, Simulation, StageRun
from simulations.services.maintenance import deletion
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design, ended_execution
from storage.models import Rosbag
from storage.services.exports import exports
from storage.services.exports.exports import ExportOptions

pytestmark = pytest.mark.django_db
MAX_QUERIES = 12


def shown(client: Client, part: str = "") -> Any:
    answer = client.get("/admin/", {"part": "state"} if part else {})
    assert answer.status_code == 200
    return answer


def failed_execution(simulation: Simulation) -> Execution:
    execution = ended_execution(simulation, "FAILED")
    values = {"failure_code": "AGENT_CRASHED", "failure_values": {}}
    Execution.objects.filter(pk=execution.pk).update(**values)
    return execution


def test_what_runs_failed_and_waits(console: Console, design: Design, rosbag: Rosbag) -> None:
    execution = lifecycle.start(design(2, 3, name="rush hour"))
    failed = failed_execution(design(name="night patrol"))
    exports.request(rosbag, ExportOptions("mcap", name="for Foxglove"))
    deletion.request(design(name="old"))
    answer = shown(console(Role.OPERATOR))
    text = answer.content.decode()
    assert f"/admin/simulations/execution/{execution.pk}/change/" in text
    assert "rush hour #1" in text
    assert "pending 5" in text
    assert f"/admin/simulations/execution/{failed.pk}/change/" in text
    assert "read its last log lines" in text
    assert 'title="AGENT_CRASHED">to blame: ' in text
    assert [(job.work.kind, job.work.name) for job in answer.context["work"]] == [
        ("export", "for Foxglove"),
        ("deletion", "old"),
    ]
    assert answer.context["seconds"] == BUSY_SECONDS


def test_only_who_may_stop_sees_stop(console: Console, design: Design) -> None:
    execution = lifecycle.start(design(name="runs"))
    stop = f"/admin/simulations/execution/{execution.pk}/act/stop/"
    assert stop in shown(console(Role.OPERATOR)).content.decode()
    assert stop not in shown(console(Role.VIEWER)).content.decode()


def test_first_steps(console: Console, design: Design, rosbag: Rosbag) -> None:
    steps = shown(console(Role.OPERATOR)).context["steps"]
    assert [(bool(step.url), step.is_done) for step in steps] == [
        (True, True),
        (True, True),  # the template of the designs
        (True, False),
    ]
    assert [step.url for step in shown(console(Role.VIEWER)).context["steps"]] == ["", "", ""]
    ended_execution(design())
    answer = shown(console(Role.OPERATOR))
    assert answer.context["steps"] is None
    assert answer.context["seconds"] == IDLE_SECONDS


def test_queries_do_not_grow(
    console: Console, design: Design, rosbag: Rosbag, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        simulation = design(2, name=f"drive {number}")
        lifecycle.start(simulation)
        failed_execution(design(name=f"failed {number}"))
        exports.request(rosbag, ExportOptions("mcap", name=f"part {number}"))
        deletion.request(design(name=f"old {number}"))
    client = console(Role.ADMIN)
    for part in ("", "state"):
        with django_assert_max_num_queries(MAX_QUERIES):
            answer = shown(client, part)
    assert answer.context["running"].active == 30
    assert len(answer.context["rows"]) + answer.context["more"] == 30


def test_the_part_is_the_part(console: Console) -> None:
    text = shown(console(Role.VIEWER), "state").content.decode()
    assert "<html" not in text
    assert "data-seconds" in text


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis does not answer, and who asks it fails the test."""

    def fail() -> Any:
        raise AssertionError("Redis was asked, though it does not answer")

    check = Check(lambda: CheckResult("Redis does not answer.", "gone"))
    monkeypatch.setitem(dependencies.CHECKS, "redis", check)
    monkeypatch.setattr(connection._connector, "open", fail)


def test_without_redis(console: Console, design: Design, away: None) -> None:
    lifecycle.start(design(name="runs"))
    answer = shown(console(Role.VIEWER))
    text = answer.content.decode()
    parts = {part.name: part.tone for part in answer.context["health"].parts}
    assert (parts["redis"], parts["controller"], parts["worker"]) == ("bad", "idle", "idle")
    assert "runs #1" in text
    assert "unknown while Redis does not answer" in text
    assert "Redis does not answer." in text


def test_away_since(console: Console, away: None) -> None:
    first = shown(console(Role.VIEWER)).context["health"].parts
    again = shown(console(Role.VIEWER)).context["health"].parts
    since = [part.since for parts in (first, again) for part in parts if part.name == "redis"]
    assert since[0] == since[1]
    assert timezone.now() - since[0] < timedelta(minutes=1)


def test_storage_unavailable(console: Console, settings: Any, s3_settings: Any) -> None:
    settings.MINIO_ENDPOINT = "127.0.0.1:1"
    parts = {p.name: p for p in shown(console(Role.VIEWER)).context["health"].parts}
    assert (parts["storage"].tone, bool(parts["storage"].detail)) == ("bad", True)


def test_controller_worker_and_backend(console: Console, design: Design) -> None:
    client = console(Role.VIEWER)

    def tones() -> dict[str, str]:
        return {part.name: part.tone for part in shown(client).context["health"].parts}

    seen = tones()
    assert (seen["controller"], seen["worker"], seen["backend"]) == ("bad", "bad", "idle")
    system.record_controller_pass()
    with presence.reported("worker"):
        until_reported("worker")
        execution = lifecycle.start(design())
        seen = tones()
        assert (seen["controller"], seen["worker"], seen["backend"]) == ("ok", "ok", "ok")
    Execution.objects.filter(pk=execution.pk).update(status="PREPARING")
    waiting = {"code": "BACKEND_UNAVAILABLE", "reason": "No process can be started.", "units": 1}
    StageRun.objects.update(status="PREPARING", prepared_at=timezone.now(), waiting=waiting)
    assert tones()["backend"] == "bad"


def until_reported(kind: str) -> None:
    while not any(process.kind == kind for process in presence.processes()):
        pass


def test_problems_in_the_language_of_the_reader(console: Console, monkeypatch: Any) -> None:
    cache = caches.create_connection("health")
    cache._server = "redis://127.0.0.1:1/0"
    monkeypatch.setattr("robotsim_project.health.dependencies.caches", {"health": cache})
    texts = {}
    for language in ("en", "ko"):
        answer = console(Role.VIEWER).get("/admin/", headers={"Accept-Language": language})
        parts = {part.name: part.detail for part in answer.context["health"].parts}
        texts[language] = parts["redis"]
    assert texts["en"].startswith("Redis does not answer")
    assert texts["ko"] not in ("", texts["en"])


def test_links_lead_to_the_rows_of_the_numbers(console: Console, design: Design) -> None:
    failed_execution(design(name="failed"))
    ended_execution(design(name="good"))
    client = console(Role.VIEWER)
    ended = shown(client).context["cards"][1]
    assert ended.value == "2"
    assert client.get(ended.url).context["cl"].result_count == 2


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis goes away after its check."""

    def fail() -> Any:
        raise RedisUnreachableError("gone")

    monkeypatch.setattr(connection._connector, "open", fail)


def test_redis_goes_between_check_and_use(
    console: Console, design: Design, unreachable: None
) -> None:
    lifecycle.start(design(name="runs"))
    answer = shown(console(Role.VIEWER))
    assert answer.context["cards"][0].value == "?"
