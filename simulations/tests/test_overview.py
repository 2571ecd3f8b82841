"""The system at a glance: true counts, and what is wrong with which part."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from accounts.models import User
from simulations.exceptions import RedisUnreachableError
from simulations.live import connection, system
from simulations.services.monitoring.overview import overview
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design
from storage.models import Rosbag
from storage.tasks import verify_rosbag

pytestmark = pytest.mark.django_db


def test_overview_totals(design: Design, rosbag: Rosbag) -> None:
    lifecycle.start(design(2, 3, name="runs"))
    design(name="rests")
    client = APIClient()
    client.force_authenticate(User.objects.create_user("v@example.org"))
    answer = client.get("/api/v1/overview")
    assert answer.status_code == 200, answer.content
    data = answer.json()
    assert data["simulations"] == {"total": 2, "running": 1}
    assert data["executions"]["active"] == data["executions"]["by_status"]["PENDING"] == 1
    assert data["agents"] == {"total": 5, "by_status": {"PENDING": 5}, "complete": True}
    assert data["templates"] == {"total": 1}
    assert data["mecs"] == {"total": 1, "enabled": 1}
    assert data["rosbags"]["total"] == 1
    assert data["rosbags"]["size"] == rosbag.size > 0
    assert data["health"]["redis"] == data["health"]["storage"] == data["health"]["worker"] == "ok"


def test_overview_is_cached(
    design: Design, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulations.services.monitoring.overview.CACHE_SECONDS", 60)
    overview()
    with django_assert_num_queries(0):
        assert overview()["simulations"]["total"] == 0


def test_silent_controller() -> None:
    assert overview()["health"]["controller"] == "silent"
    system.record_controller_pass()
    assert overview()["health"]["controller"] == "ok"


def test_worker_behind() -> None:
    verify_rosbag.enqueue(1)
    waited = timezone.now() - timedelta(hours=1)
    DBTaskResult.objects.update(enqueued_at=waited)
    assert overview()["health"]["worker"] == "behind"


def test_overview_without_redis(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    design()

    def away() -> Any:
        raise RedisUnreachableError("Redis does not answer")

    monkeypatch.setattr(connection._connector, "open", away)
    data = overview()
    assert data["simulations"]["total"] == 1
    assert (data["health"]["redis"], data["health"]["controller"]) == (
        "away",
        "unknown",
    )


def test_storage_unavailable(settings: Any, s3_settings: Any) -> None:
    settings.MINIO_ENDPOINT = "127.0.0.1:1"
    assert overview()["health"]["storage"] == "away"
