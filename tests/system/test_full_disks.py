"""A full disk is named in refusals and in the answers of health checks."""

import asyncio
import io
import os
import socket
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.asgi import ASGIHandler
from django.db import DatabaseError, OperationalError
from django.db.utils import ConnectionHandler
from django.test import Client
from rest_framework.test import APIClient

from accounts import tokens
from accounts.exceptions import SignInStoreFullError
from accounts.models import User
from common import outages
from launcher.redis_server import redis_answers, redis_command
from launcher.supervisor import Supervisor
from robotsim_project.databases import database
from robotsim_project.health import dependencies, readiness
from robotsim_project.middleware.full_disk import full_disk
from storage.objects import object_store
from storage.objects.base import StoreFullError
from tests.support.disks import MAY_MOUNT, fill, free, small_disk
from tests.support.servers import PostgreSQL

mounts = pytest.mark.skipif(not MAY_MOUNT, reason="the server itself has to find no room")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> Any:
    """A connection to another database, which errors and health are then about."""
    other = ConnectionHandler({"default": {}, "other": database(url, pool=1)})["other"]
    for module in (outages, dependencies):
        monkeypatch.setattr(module, "connection", other)
    return other


def grow(other: Any) -> None:
    """Write until the disk is full."""
    with other.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS ballast (content text)")
        for _ in range(200):
            # Random, as PostgreSQL compresses long values.
            cursor.execute("INSERT INTO ballast VALUES (%s)", [os.urandom(50_000).hex()])


@pytest.mark.django_db
def test_a_full_disk_of_sqlite(monkeypatch: pytest.MonkeyPatch, disk: Path) -> None:
    other = use(monkeypatch, f"sqlite:///{disk}/robots.sqlite3")
    assert dependencies.check_database().ok
    fill(disk)
    with pytest.raises(OperationalError) as caught:
        grow(other) if MAY_MOUNT else _grow_to_limit(other)
    problem = outages.problem_for(caught.value)
    assert problem is not None
    assert (problem.status, problem.code, problem.retry_after) == (503, "DATABASE_FULL", 60)
    assert dependencies.check_database().full
    assert Client().get("/health/db").json() == {"status": "unhealthy", "database": "full"}
    other.close()
    free(disk)
    assert dependencies.check_database().ok


def _grow_to_limit(other: Any) -> None:
    with other.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 10")
    grow(other)


@pytest.mark.django_db
def test_a_locked_sqlite_is_not_full(monkeypatch: pytest.MonkeyPatch, disk: Path) -> None:
    use(monkeypatch, f"sqlite:///{disk}/robots.sqlite3")
    cause = sqlite3.OperationalError("database is locked")
    error = OperationalError("database is locked")
    error.__cause__ = cause
    assert outages.database_problem(error).code == "DATABASE_UNAVAILABLE"


@mounts
@pytest.mark.django_db
def test_a_full_disk_of_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(tempfile.mkdtemp(dir=os.environ.get("ROBOTSIM_TEST_FOLDER")))
    folder.chmod(0o711)  # the database's user passes through
    with small_disk(folder / "disk", 200) as disk:
        server = PostgreSQL(disk / "pg")
        server.start()
        try:
            other = use(monkeypatch, server.url)
            assert dependencies.check_database().ok
            fill(disk)
            assert dependencies.check_database().full
            with pytest.raises(DatabaseError) as caught:
                grow(other)
            assert outages.database_problem(caught.value).code == "DATABASE_FULL"
            other.close()
            other.close_pool()
            free(disk)
            assert dependencies.check_database().ok
        finally:
            server.stop()


@pytest.fixture
def full_redis(disk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Redis that cannot write its append-only file."""
    supervisor = Supervisor(disk.parent, {})
    sock = disk.parent / "r.sock"
    supervisor.add("redis", redis_command(disk, sock, durable=True))
    deadline = time.monotonic() + 60
    while not redis_answers(sock):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    fill(disk)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(sock))
        while True:
            line.sendall(b"SET ballast %s\r\n" % (b"x" * 10_000))
            if b"MISCONF" in line.recv(1000):
                break
            assert time.monotonic() < deadline
    yield f"unix://{sock}"
    supervisor.stop()


@mounts
def test_a_full_disk_of_redis(full_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = caches.create_connection("default")
    cache._server = full_redis
    monkeypatch.setattr(dependencies, "caches", {"health": cache})
    assert dependencies.check_redis().full
    assert Client().get("/health/redis").json() == {"status": "unhealthy", "redis": "full"}
    client = cache.client.get_client()
    monkeypatch.setattr(tokens, "get_redis_connection", lambda _alias: client)
    with pytest.raises(SignInStoreFullError, match="full"):
        tokens.end_all(1)


def test_a_full_storage_folder(settings: Any, disk: Path) -> None:
    settings.MINIO_ENDPOINT = ""
    settings.STORAGE_DIR = disk / "objects"
    assert object_store().find_problem() is None
    fill(disk)
    fill(settings.STORAGE_DIR)
    if MAY_MOUNT:
        with pytest.raises(StoreFullError, match="full"):
            object_store().put("rosbags/1/a", io.BytesIO(bytes(100_000)))
    assert isinstance(object_store().find_problem(), StoreFullError)
    assert Client().get("/health/storage").json() == {"status": "unhealthy", "storage": "full"}


@pytest.fixture
def full_temporary_folder(disk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    fill(disk)
    return disk


def test_readiness_names_what_is_full(full_temporary_folder: Path) -> None:
    part = readiness.state()[1]["parts"]["disk"]
    assert part["status"] == "full"
    assert "TMPDIR" in part["detail"]


@mounts
@pytest.mark.django_db
def test_a_form_that_finds_no_room_is_told_so(full_temporary_folder: Path) -> None:
    client = APIClient()
    client.force_authenticate(User.objects.create_user("o@example.com", role="operator"))
    file = SimpleUploadedFile("a.mcap", bytes(3 << 20))
    answer = client.post("/api/v1/rosbags", {"files": [file]}, format="multipart")
    assert (answer.status_code, answer.data["code"]) == (503, "DISK_FULL")
    assert "TMPDIR" in answer.data["detail"]
    assert answer["Retry-After"] == "60"


@mounts
def test_a_body_that_finds_no_room_under_asgi_is_told_so(
    full_temporary_folder: Path,
) -> None:
    async def answered() -> list[Any]:
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
        line = ApplicationCommunicator(full_disk(ASGIHandler()), scope)
        await line.send_input({"type": "http.request", "body": bytes(4 << 20)})
        return [await line.receive_output(30), await line.receive_output(30)]

    start, body = asyncio.run(answered())
    assert start["status"] == 503
    assert (b"Retry-After", b"60") in start["headers"]
    assert b"DISK_FULL" in body["body"]
