"""A bad value is refused by its name; good ones mean what the install guide says."""

import runpy
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from robotsim_project import environment
from robotsim_project.databases import database
from robotsim_project.environment import BASE_DIR, env, kept_secret, secret_key

SETTINGS = BASE_DIR / "robotsim_project" / "settings.py"
KEY = "0uEtR4wDnTq7Ck1yXzJ9sVhB3mLfPa5oGiWb"
PRODUCTION = {
    "DATABASE_URL": "postgresql://postgres:password@localhost:5432/robotdb",
    "REDIS_URL": "redis://localhost:6379/0",
    "MINIO_ENDPOINT": "localhost:9000",
    "MINIO_ACCESS_KEY": "robotsim",
    "MINIO_SECRET_KEY": "password",
}


def read_settings(monkeypatch: pytest.MonkeyPatch, folder: Path, **values: str) -> dict[str, Any]:
    """Read the settings anew; the running ones are not touched."""
    for name in ("DATABASE_URL", "REDIS_URL", "MINIO_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"DATA_DIR": str(folder), **values}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "robotsim_project.run_settings")  # imported anew
    return runpy.run_path(str(SETTINGS))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "prod"),
        ("DEBUG", "perhaps"),
        ("DATABASE_URL", "mysql://root@localhost/robots"),
        ("DATABASE_URL", "robots.sqlite3"),
        ("DATABASE_URL", "postgresql://user:password@host:port/robots"),
        ("DATABASE_URL", ""),
        ("DATABASE_POOL", "0"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost:6379"),
        ("REDIS_URL", "redis://localhost:port"),
        ("MINIO_USE_SSL", "tls"),
        ("SIGNED_URL_SECONDS", "9"),
        ("SIGN_UP", "maybe"),
        ("SIGN_UP_ROLE", "admin"),
        ("SIGN_IN_RATE", "fast"),
        ("SIGN_IN_RATE", "0/minute"),
        ("TRUSTED_PROXIES", "-1"),
        ("LOCK_AFTER_FAILURES", "0"),
        ("REFRESH_TOKEN_GRACE_SECONDS", "nan"),
        ("EMAIL_SECURITY", "ssl"),
        ("PASSWORD_RESET_URL", "portal/reset"),
        ("SIGNED_URL_SECONDS", "604801"),
        ("UPLOAD_PART_BYTES", "1024"),
        ("API_STR", "/"),
        ("API_STR", "/api v1"),
        ("SERVER_URL", "localhost:8000"),
        ("ALGORITHM", "none"),
        ("ALGORITHM", "RS256"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "forever"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "nan"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "-1"),
        ("BACKEND", "moon"),
        ("AGENTS_PER_UNIT", "10.5"),
        ("MAX_AGENTS", "many"),
        ("HEARTBEAT_SECONDS", "inf"),
        ("TIME_ZONE", "Moon/Tycho"),
        ("TIME_ZONE", "../etc/passwd"),
        ("LOG_LEVEL", "LOUD"),
        ("REQUEST_LOG_LEVEL", "1"),
        ("METRICS_TOKEN", "short"),
        ("METRICS_TOKEN", "with blanks in the middle"),
        ("PROMETHEUS_MULTIPROC_DIR", "/proc/metrics"),
        ("SENTRY_DSN", "sentry.example.org"),
        ("SENTRY_DSN", "https://sentry.example.org/1"),
        ("SENTRY_DSN", "https://key@sentry.example.org/project"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://collector:4317"),
    ],
)
def test_a_bad_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} must be"):
        read_settings(monkeypatch, tmp_path, **{name: value})


@pytest.mark.parametrize(
    "name", ["DATABASE_URL", "REDIS_URL", "SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT"]
)
def test_a_refusal_does_not_repeat_a_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        read_settings(monkeypatch, tmp_path, **{name: "foo://user:hunter2@host/x"})
    assert "hunter2" not in str(refusal.value)


def test_values_of_the_install_guide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = read_settings(
        monkeypatch,
        tmp_path,
        DATABASE_URL="postgresql+asyncpg://postgres:password@localhost:5432/robotdb",
        REDIS_URL="redis://localhost:6379/0",
        MINIO_ENDPOINT="localhost:9000",
        API_STR="api/v2/",
        LOG_LEVEL="debug",
    )
    default = values["DATABASES"]["default"]
    assert default["ENGINE"] == "robotsim_project.postgresql"
    assert (default["HOST"], default["PORT"], default["NAME"]) == ("localhost", 5432, "robotdb")
    assert default["OPTIONS"]["pool"]["max_size"] == 20
    assert values["MINIO_PUBLIC_ENDPOINT"] == "localhost:9000"
    assert values["API_STR"] == "/api/v2"
    assert values["LOGGING"]["root"]["level"] == "DEBUG"


def test_the_server_answers_to_its_own_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    values = read_settings(monkeypatch, tmp_path, SERVER_URL="http://backend:8000")
    assert {"localhost", "127.0.0.1", "[::1]", "backend"} <= set(values["ALLOWED_HOSTS"])
    assert "*" not in values["ALLOWED_HOSTS"]
    values = read_settings(monkeypatch, tmp_path, SERVER_URL="http://[fd00::5]:8000")
    assert "[fd00::5]" in values["ALLOWED_HOSTS"]
    values = read_settings(monkeypatch, tmp_path, ALLOWED_HOSTS="sim.example.org")
    assert {"sim.example.org", "127.0.0.1"} <= set(values["ALLOWED_HOSTS"])


def test_sqlite_gets_a_folder_and_waits_for_writers(tmp_path: Path) -> None:
    config = database(f"sqlite:///{tmp_path}/new/robots.sqlite3", pool=1)
    assert (tmp_path / "new").is_dir()
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert config["OPTIONS"]["timeout"] == 30


def test_an_existing_sqlite_file_is_closed_to_others(tmp_path: Path) -> None:
    files = [tmp_path / f"robots.sqlite3{suffix}" for suffix in ("", "-wal")]
    for file in files:
        file.touch(mode=0o644)
    database(f"sqlite:///{files[0]}", pool=1)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_production_makes_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY must be set"):
        secret_key(tmp_path, production=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [token_urlsafe, token_hex], ids=["text", "digits"])
def test_production_takes_a_random_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make: Callable[[int], str]
) -> None:
    monkeypatch.setenv("SECRET_KEY", key := make(32))
    assert secret_key(tmp_path, production=True) == key


def test_production_may_name_its_services_in_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setitem(env._environ, name, value)
    settings = read_settings(monkeypatch, tmp_path, ENVIRONMENT="production", SECRET_KEY=KEY)
    assert settings["DATABASES"]["default"]["NAME"] == "robotdb"


@pytest.mark.parametrize("given", ["", "your-secret-key-here"])
def test_elsewhere_a_key_is_made_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", given)
    first = secret_key(tmp_path / "data", production=False)
    assert len(first) >= 64
    assert secret_key(tmp_path / "data", production=False) == first
    kept = tmp_path / "data" / "secret_key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_all_who_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: kept_secret(tmp_path / "secret_key"), range(32)))
    assert len(made) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_numbers_in_a_refusal_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMIT", "x")
    with pytest.raises(ImproperlyConfigured, match=r"from 0\.05 to 1000000, such as 10000"):
        environment.number("LIMIT", 10_000, min=0.05, max=1_000_000)


def test_commands_tell_a_bad_value_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, str(BASE_DIR / "manage.py"), "check"]
    values = {"DATA_DIR": str(tmp_path), "RETENTION_LOGS_DAYS": "-1", "ENVIRONMENT": "test"}
    done = subprocess.run(command, env=values, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: RETENTION_LOGS_DAYS must be a whole number from 1")
    assert len(done.stderr.splitlines()) == 1
