"""The page of the settings as they are in force; secrets are never on it."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from robotsim_project.environment import env
from robotsim_project.health import dependencies

SECRETS = frozenset(
    {
        "SECRET_KEY",
        "METRICS_TOKEN",
        "SENTRY_DSN",
        "MINIO_ACCESS_KEY",
        "MINIO_SECRET_KEY",
        "BACKUP_ACCESS_KEY",
        "BACKUP_SECRET_KEY",
        "EMAIL_HOST_USER",
        "EMAIL_HOST_PASSWORD",
    }
)
"""Settings of which only is shown whether they are set."""
ADDRESSES = {"DATABASE_URL": "database", "REDIS_URL": "redis"}
"""Settings of which only the address is shown: they contain passwords."""
CREDENTIALS = re.compile(r"(?<=://)\S*@")
GROUPS: tuple[tuple[str | Promise, str], ...] = (
    (
        gettext_lazy("Server"),
        "ENVIRONMENT DEBUG DATA_DIR SECRET_KEY ALLOWED_HOSTS CSRF_TRUSTED_ORIGINS HTTPS API_STR "
        "SERVER_URL TIME_ZONE LOG_LEVEL REQUEST_LOG_LEVEL",
    ),
    (
        gettext_lazy("Processes"),
        "WEB_PORT WEB_WORKERS WEB_THREADS BODY_SECONDS ALIVE_FILE",
    ),
    (
        gettext_lazy("Observing"),
        "METRICS_TOKEN PROMETHEUS_MULTIPROC_DIR OTEL_EXPORTER_OTLP_ENDPOINT OTEL_SERVICE_NAME "
        "SENTRY_DSN",
    ),
    (
        gettext_lazy("Database and Redis"),
        "DATABASE_URL DATABASE_POOL DATABASE_MAY_BE_NEWER REDIS_URL",
    ),
    (
        gettext_lazy("Rosbags"),
        "MINIO_ENDPOINT MINIO_PUBLIC_ENDPOINT MINIO_ACCESS_KEY MINIO_SECRET_KEY MINIO_BUCKET "
        "MINIO_USE_SSL STORAGE_DIR SIGNED_URL_SECONDS UPLOAD_FORM_BYTES UPLOAD_PART_BYTES "
        "BAG_CACHE_BYTES EXPORT_BYTES CORS_ALLOWED_ORIGINS FOXGLOVE_URL TASK_LEASE_SECONDS",
    ),
    (
        gettext_lazy("Backups"),
        "BACKUP_ENDPOINT BACKUP_ACCESS_KEY BACKUP_SECRET_KEY BACKUP_BUCKET BACKUP_USE_SSL "
        "BACKUP_DIR BACKUP_KEEP_DAYS",
    ),
    (
        gettext_lazy("Accounts"),
        "ALGORITHM ACCESS_TOKEN_EXPIRE_MINUTES REFRESH_TOKEN_EXPIRE_MINUTES "
        "REFRESH_TOKEN_IDLE_MINUTES REFRESH_TOKEN_GRACE_SECONDS SESSION_IDLE_MINUTES SIGN_UP "
        "SIGN_UP_ROLE LOCK_AFTER_FAILURES LOCK_MINUTES SIGN_IN_RATE SIGN_UP_RATE REFRESH_RATE "
        "PASSWORD_RESET_RATE PASSWORD_RESET_MINUTES PASSWORD_RESET_URL TRUSTED_PROXIES",
    ),
    (
        gettext_lazy("Mail"),
        "EMAIL_HOST EMAIL_PORT EMAIL_HOST_USER EMAIL_HOST_PASSWORD EMAIL_SECURITY "
        "DEFAULT_FROM_EMAIL",
    ),
    (
        gettext_lazy("Watchers"),
        "STREAM_HEARTBEAT_SECONDS STREAM_STALL_SECONDS STREAM_WATCHERS",
    ),
    (
        gettext_lazy("Runs"),
        "BACKEND AGENT_IMAGE AGENT_IMAGE_PULL_POLICY AGENT_NAMESPACE AGENT_QUEUE AGENT_DISK_MIB "
        "MEC_SECRETS_DIR AGENTS_PER_UNIT MAX_AGENTS HEARTBEAT_SECONDS "
        "HUNG_AFTER_SECONDS STRAGGLER_LIMIT_SECONDS RELEASE_LEAD_SECONDS "
        "UPLOAD_LIMIT_SECONDS RECORDING_SEGMENT_SECONDS RECORDING_SEGMENT_MIB "
        "CONTROLLER_INTERVAL_SECONDS",
    ),
    (
        gettext_lazy("Retention"),
        "RETENTION_EVENTS_DAYS RETENTION_AGENT_RUNS_DAYS RETENTION_LOGS_DAYS "
        "RETENTION_RECORDINGS_DAYS",
    ),
)
"""The headings of docs/configuration.md, each with its settings."""


@dataclass(frozen=True)
class Setting:
    """One setting: its value in force, and whether the environment or a `.env` file gave it."""

    name: str
    value: str
    is_secret: bool
    is_set: bool


def page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show all settings."""
    context = {**site.each_context(request), "title": _("Settings"), "groups": groups()}
    return TemplateResponse(request, "robotsim/console/settings.html", context)


def groups() -> list[tuple[object, list[Setting]]]:
    """Return the settings that the server has read, as docs/configuration.md groups them."""
    values = env.dump()
    grouped = [(title, names.split()) for title, names in GROUPS]
    others = set(values).difference(*(names for _title, names in grouped))
    grouped.append((_("Others"), sorted(others)))
    rows = [(title, list(_settings(names, values))) for title, names in grouped]
    return [(title, found) for title, found in rows if found]


def _settings(names: Iterable[str], values: Mapping[str, Any]) -> Iterable[Setting]:
    addresses = dependencies.addresses()
    for name in names:
        if name not in values:
            continue
        secret = name in SECRETS
        value = getattr(settings, name, values[name])
        text = addresses[ADDRESSES[name]] if name in ADDRESSES else _text(value)
        shown = ("" if not value else "set") if secret else CREDENTIALS.sub("", text)
        yield Setting(name, shown, secret, bool(os.environ.get(name)))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)
