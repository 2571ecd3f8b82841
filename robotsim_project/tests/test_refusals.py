"""A variable that is missing, empty or malformed is refused by each process, in one line with an example."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from robotsim_project.environment import BASE_DIR, env
from robotsim_project.tests.test_environment import KEY, read_settings
from robotsim_project.tests.test_environment import PRODUCTION as SERVICES

PRODUCTION = {"ENVIRONMENT": "production", "SECRET_KEY": KEY, **SERVICES}
NUMBER = ["many", "-1", "1e99"]
UNREADABLE = ["", "nan"]
"""Refused by the two functions that read numbers: tried with one variable of each."""
FLAG = ["", "perhaps"]
ADDRESS = ["", "localhost", "ftp://localhost", "http://localhost:port"]
BAD: dict[str, list[str]] = {
    "ENVIRONMENT": ["", "prod"],
    "DEBUG": FLAG,
    "DATA_DIR": ["", " ", "/etc/hostname"],
    "ALLOWED_HOSTS": ["", ",", "https://sim.example.org", "sim.example.org/x", "a b"],
    "CSRF_TRUSTED_ORIGINS": ["sim.example.org", "https://", "https://sim.example.org/admin"],
    "HTTPS": FLAG,
    "API_STR": ["", "/", "/api v1"],
    "SERVER_URL": ADDRESS,
    "TIME_ZONE": ["", "Moon/Tycho", "../etc/passwd"],
    "LOG_LEVEL": ["", "LOUD"],
    "REQUEST_LOG_LEVEL": ["", "1"],
    "DATABASE_URL": [
        *(
            "",
            "robots.sqlite3",
            "mysql://root@localhost/robots",
            "postgresql://user@host:port/robots",
        ),
        *("postgresql://user:password@localhost:5432/", "sqlite:////etc/hostname/robots.sqlite3"),
    ],
    "DATABASE_POOL": [*NUMBER, "0"],
    "DATABASE_MAY_BE_NEWER": FLAG,
    "REDIS_URL": ["", "localhost:6379", "http://localhost", "redis://localhost:port"],
    "MINIO_ENDPOINT": ["localhost:port", "localhost:70000", "a b:9000", "http://localhost:9000/x"],
    "MINIO_PUBLIC_ENDPOINT": ["ftp://localhost", "s3.example.org/bucket"],
    "MINIO_BUCKET": ["", "ab", "Robots", "robot_sim", "a..b", "-robots", "10.0.0.1", "xn--robots"],
    "MINIO_USE_SSL": FLAG,
    "STORAGE_DIR": ["", "/etc/hostname"],
    "SIGNED_URL_SECONDS": [*NUMBER, "9", "604801"],
    "UPLOAD_FORM_BYTES": [*NUMBER, "1024"],
    "BODY_SECONDS": [*NUMBER, "0"],
    "UPLOAD_PART_BYTES": [*NUMBER, "1024"],
    "TASK_LEASE_SECONDS": [*NUMBER, "0"],
    "ALGORITHM": ["", "none", "RS256"],
    "ACCESS_TOKEN_EXPIRE_MINUTES": NUMBER,
    "REFRESH_TOKEN_EXPIRE_MINUTES": NUMBER,
    "REFRESH_TOKEN_IDLE_MINUTES": NUMBER,
    "REFRESH_TOKEN_GRACE_SECONDS": NUMBER,
    "SESSION_IDLE_MINUTES": [*NUMBER, "0"],
    "SIGN_UP": FLAG,
    "SIGN_UP_ROLE": ["", "admin"],
    "LOCK_AFTER_FAILURES": [*NUMBER, "0"],
    "LOCK_MINUTES": [*NUMBER, "0"],
    "SIGN_IN_RATE": ["", "fast", "0/minute"],
    "SIGN_UP_RATE": ["", "fast", "1/year"],
    "REFRESH_RATE": ["", "fast", "-1/minute"],
    "PASSWORD_RESET_RATE": ["", "fast", "1.5/hour"],
    "PASSWORD_RESET_MINUTES": NUMBER,
    "PASSWORD_RESET_URL": ADDRESS,
    "TRUSTED_PROXIES": NUMBER,
    "EMAIL_HOST": ["smtp://mail", "mail.example.org:25", "a b"],
    "EMAIL_PORT": [*NUMBER, "0", "65536"],
    "EMAIL_SECURITY": ["", "ssl"],
    "DEFAULT_FROM_EMAIL": ["", "robotsim", "robotsim@"],
    "METRICS_TOKEN": ["short", "with blanks in between them"],
    "SENTRY_DSN": ["sentry.example.org", "https://sentry.example.org/1"],
    "OTEL_EXPORTER_OTLP_ENDPOINT": ["collector:4318", "ftp://collector"],
    "PROMETHEUS_MULTIPROC_DIR": ["/etc/hostname", "/etc/hostname/metrics"],
    "BACKUP_ENDPOINT": ["localhost:port", "a b:9000", "http://localhost:9000/x"],
    "BACKUP_BUCKET": ["", "ab", "Robots", "10.0.0.1"],
    "BACKUP_USE_SSL": FLAG,
    "BACKUP_DIR": ["", "/etc/hostname"],
    "BACKUP_KEEP_DAYS": [*NUMBER, "0"],
    "MEC_SECRETS_DIR": ["", "/etc/hostname"],
    "FOXGLOVE_URL": ["app.foxglove.dev", "foxglove://open"],
    "CORS_ALLOWED_ORIGINS": ["app.example.org", "https://", "https://app.example.org/page"],
    "BAG_CACHE_BYTES": [*NUMBER, "1024"],
    "EXPORT_BYTES": [*NUMBER, "1024"],
    "ALIVE_FILE": ["alive", "/not/there/alive"],
    "WEB_PORT": [*NUMBER, *UNREADABLE, "0", "65536"],
    "WEB_WORKERS": [*NUMBER, "0"],
    "WEB_THREADS": [*NUMBER, "0"],
    "STREAM_HEARTBEAT_SECONDS": NUMBER,
    "STREAM_STALL_SECONDS": NUMBER,
    "STREAM_WATCHERS": NUMBER,
    "BACKEND": ["", "moon"],
    "AGENT_IMAGE": ["", "robot sim agent:1", "-agent:1"],
    "AGENT_IMAGE_PULL_POLICY": ["", "Sometimes"],
    "AGENT_NAMESPACE": ["", "Robot_Agents", "-agents"],
    "AGENT_QUEUE": ["Robot_Agents", "-agents"],
    "AGENT_DISK_MIB": [*NUMBER, "10.5"],
    "AGENTS_PER_UNIT": [*NUMBER, "10.5"],
    "MAX_AGENTS": NUMBER,
    "HEARTBEAT_SECONDS": [*NUMBER, *UNREADABLE],
    "HUNG_AFTER_SECONDS": NUMBER,
    "STRAGGLER_LIMIT_SECONDS": NUMBER,
    "RELEASE_LEAD_SECONDS": NUMBER,
    "RECORDING_SEGMENT_SECONDS": NUMBER,
    "RECORDING_SEGMENT_MIB": [*NUMBER, "10.5"],
    "UPLOAD_LIMIT_SECONDS": NUMBER,
    "CONTROLLER_INTERVAL_SECONDS": NUMBER,
    "RETENTION_EVENTS_DAYS": NUMBER,
    "RETENTION_AGENT_RUNS_DAYS": NUMBER,
    "RETENTION_LOGS_DAYS": NUMBER,
    "RETENTION_RECORDINGS_DAYS": NUMBER,
}
"""Each variable that can be wrong by itself, with values that are."""
BAD_IN_PRODUCTION: dict[str, list[str | None]] = {
    "SECRET_KEY": [
        *(None, "", "short", "your-secret-key-here", 64 * "k", 16 * "abcd", 4 * "0123456789abcdef"),
        *("change-me-change-me-0123456789abcdef", f"django-insecure-{KEY}", "password" * 8),
    ],
    "DEBUG": ["true", "1"],
    "DATABASE_URL": [None, ""],
    "REDIS_URL": [None, ""],
    "MINIO_ENDPOINT": [None, ""],
    "MINIO_ACCESS_KEY": [None, ""],
    "MINIO_SECRET_KEY": [None, ""],
}
"""None: not set at all."""
ANYTHING_GOES = {
    "EMAIL_HOST_USER": "a mail server takes what it likes, or nothing",
    "EMAIL_HOST_PASSWORD": "the same",
    "OTEL_SERVICE_NAME": "any name will do",
    "BACKUP_ACCESS_KEY": "an S3 server takes what it likes, or the key of MinIO",
    "BACKUP_SECRET_KEY": "the same",
}


def test_every_variable_has_values_that_are_refused() -> None:
    tested = {*BAD, *BAD_IN_PRODUCTION, *ANYTHING_GOES}
    assert set(env.dump()) - tested == set(), "list bad values of the new variable here"
    assert tested - set(env.dump()) == set(), "these are no longer read"


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_bad_value_is_refused_with_what_a_good_one_looks_like(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} must be") as refusal:
        read_settings(monkeypatch, tmp_path, **{name: value})
    hints = ("such as", "for example", "one of", "true or false")
    assert any(hint in str(refusal.value) for hint in hints)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in BAD_IN_PRODUCTION.items() for value in values],
)
def test_production_has_no_silent_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str | None
) -> None:
    monkeypatch.delenv(name, raising=False)
    given = {key: word for key, word in PRODUCTION.items() if key != name}
    if value is not None:
        given[name] = value
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} must be set.*for example"):
        read_settings(monkeypatch, tmp_path, **given)


def test_production_on_one_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {key: word for key, word in PRODUCTION.items() if not key.startswith("MINIO")}
    given |= {"DATABASE_URL": f"sqlite:///{tmp_path}/r.sqlite3", "STORAGE_DIR": str(tmp_path)}
    values = read_settings(monkeypatch, tmp_path, **given)
    assert (values["PRODUCTION"], values["MINIO_ENDPOINT"]) == (True, "")


def gunicorn(kind: str) -> list[str]:
    return ["-m", "gunicorn", "--config", f"python:robotsim_project.gunicorn.{kind}", "x:y"]


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        (["manage.py", "run_controller"], "DATABASE_URL", ""),
        (["manage.py", "run_worker"], "MINIO_BUCKET", "Robots"),
        (["manage.py", "migrate"], "DATABASE_URL", ""),
        (["manage.py", "check"], "WEB_WORKERS", "two"),
        (gunicorn("web"), "WEB_WORKERS", "two"),
        (gunicorn("stream"), "DATABASE_URL", ""),
    ],
    ids=["run_controller", "run_worker", "migrate", "check", "web", "stream"],
)
def test_processes_refuse_bad_values_in_one_line(
    command: list[str], name: str, value: str, tmp_path: Path
) -> None:
    own = {"PATH": os.environ["PATH"], "ENVIRONMENT": "test", "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=BASE_DIR,
        env=own | {name: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {name} must be")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
