"""Health endpoints of database and Redis, and the limits of their checks."""

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client

from robotsim_project.health.dependencies import probe_options


@pytest.mark.django_db
def test_a_reachable_database_is_healthy() -> None:
    answer = Client().get("/health/db")
    assert answer.status_code == 200
    assert answer.json() == {"status": "healthy", "database": "connected"}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_an_unreachable_database_is_unhealthy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    part = "NAME" if connection.vendor == "sqlite" else "HOST"
    monkeypatch.setitem(connection.settings_dict, part, f"{tmp_path}/absent/place")
    answer = Client().get("/health/db")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unhealthy", "database": "disconnected"}


def test_the_probe_never_waits_for_the_pool() -> None:
    options = probe_options("postgresql", {"pool": {"max_size": 20}, "sslmode": "require"})
    assert "pool" not in options
    assert options["sslmode"] == "require"
    assert options["connect_timeout"] == 2
    assert "statement_timeout=2000" in options["options"]


def test_a_reachable_redis_is_healthy(empty_redis: None) -> None:
    answer = Client().get("/health/redis")
    assert answer.status_code == 200
    assert answer.json() == {"status": "healthy", "redis": "connected"}


@pytest.mark.parametrize("url", ["unix:///nowhere/redis.sock", "redis://127.0.0.1:1/0"])
def test_an_unreachable_redis_is_unhealthy(
    settings: object, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    cache = caches.create_connection("health")
    cache._server = url
    monkeypatch.setattr("robotsim_project.health.dependencies.caches", {"health": cache})
    answer = Client().get("/health/redis")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unhealthy", "redis": "disconnected"}
