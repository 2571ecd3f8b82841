"""Any number may migrate at once; readiness tells a database that is older or newer than the code."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from robotsim_project.health import dependencies, readiness
from robotsim_project.management.commands.migrate import migration_lock
from tests.support.world import Process, a_world

MIGRATE = ["manage.py", "migrate", "-v1"]


def all_succeed(environment: dict[str, str], folder: Path) -> list[str]:
    """Output of three processes that migrate the same empty database at once."""
    processes = [Process(MIGRATE, environment, folder / f"{n}.log") for n in range(3)]
    try:
        assert [each.wait() for each in processes] == [0, 0, 0], processes[0].words
    finally:
        for each in processes:
            each.kill()
    return [each.words for each in processes]


def test_three_at_once_on_postgresql(tmp_path: Path) -> None:
    with a_world() as world:
        world.postgres.start()
        said = all_succeed(world.environment, tmp_path)
    assert sorted("No migrations to apply" in each for each in said) == [False, True, True]


def test_three_at_once_on_sqlite(tmp_path: Path) -> None:
    own = {"DATA_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/robots.sqlite3"}
    said = all_succeed({**os.environ, **own}, tmp_path)
    assert sorted("No migrations to apply" in each for each in said) == [False, True, True]
    assert (tmp_path / "robots.sqlite3").stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db(transaction=True)
def test_whoever_migrates_keeps_others_out() -> None:
    entered = threading.Event()

    def second() -> None:
        with migration_lock(connection):
            entered.set()

    with migration_lock(connection):
        other = threading.Thread(target=second, daemon=True)
        other.start()
        assert not entered.wait(0.5)
    assert entered.wait(30)
    other.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("app", "name", "sentence"),
    [
        ("simulations", "0999_of_tomorrow", "deploy the newer version"),
        ("axes", "0999_of_tomorrow", ""),
    ],
)
def test_a_database_that_is_newer_than_the_code(app: str, name: str, sentence: str) -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_applied(app, name)
    try:
        result = dependencies.check_migrations()
        assert sentence in result.problem
        assert bool(result.problem) == bool(sentence)
    finally:
        recorder.record_unapplied(app, name)
    assert dependencies.check_migrations().ok


@pytest.mark.django_db(transaction=True)
def test_code_that_was_brought_back_works_on_the_newer_database(
    settings: Any, monkeypatch: pytest.MonkeyPatch, empty_redis: None
) -> None:
    monkeypatch.setattr(readiness, "LATCH", readiness.Latch())
    recorder = MigrationRecorder(connection)
    recorder.record_applied("simulations", "0999_of_tomorrow")
    try:
        assert readiness.state()[0] == 503
        settings.DATABASE_MAY_BE_NEWER = True
        status, body = readiness.state()
    finally:
        recorder.record_unapplied("simulations", "0999_of_tomorrow")
    assert (status, body["status"]) == (200, "ready")
    assert body["parts"]["migrations"]["status"] == "ok"
    assert "simulations.0999_of_tomorrow" in body["parts"]["migrations"]["detail"]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_not_migrated_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LATCH", readiness.Latch())
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("simulations", "0007_indexes_of_lists")
    try:
        status, body = readiness.state()
        assert (status, body["status"]) == (503, "starting")
        assert "simulations.0007_indexes_of_lists" in body["parts"]["migrations"]["detail"]
        assert "manage.py migrate" in body["parts"]["migrations"]["detail"]
    finally:
        recorder.record_applied("simulations", "0007_indexes_of_lists")
    call_command("migrate", verbosity=0)
    assert readiness.state()[0] == 200
