"""Names of places and people in the environment: hosts, origins, buckets, folders, mail addresses."""

import ipaddress
import os
import re
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from robotsim_project.environment import env

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])"
_ENDPOINT = re.compile(rf"(https?://)?{_HOST}(:(?P<port>[0-9]{{1,5}}))?/?")
_ALLOWED_HOST = re.compile(rf"\*|\.?{_HOST}")
_BUCKET = re.compile(r"[a-z0-9]([a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_RESERVED = ("xn--", "sthree-", "amzn-s3-demo-")
MOST_PORT = 65535


def host(name: str, default: str) -> str:
    """The name of a machine, without scheme and port; empty where the default is.

    Raises:
        ImproperlyConfigured: it is something else.
    """
    given = str(env.str(name, default)).strip()
    if given != default and not re.fullmatch(_HOST, given):
        raise ImproperlyConfigured(f"{name} must be the name of a host, such as mail.example.org.")
    return given


def endpoint(name: str, default: str) -> str:
    """Host and port of an S3 server; empty: none.

    Raises:
        ImproperlyConfigured: it is something else.
    """
    given = str(env.str(name, default)).strip()
    found = _ENDPOINT.fullmatch(given)
    if given and (found is None or int(found["port"] or 1) not in range(1, MOST_PORT + 1)):
        raise ImproperlyConfigured(f"{name} must be host and port, such as minio-service:9000.")
    return given.rstrip("/")


def bucket(name: str, default: str) -> str:
    """A name that S3 admits for a bucket.

    Raises:
        ImproperlyConfigured: S3 would refuse it.
    """
    given = str(env.str(name, default))
    if not _BUCKET.fullmatch(given) or given.startswith(_RESERVED) or _is_address(given):
        raise ImproperlyConfigured(
            f"{name} must be a name that S3 admits: 3 to 63 lowercase letters, digits, hyphens and dots, "
            "such as robot-sim."
        )
    return given


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def folder(name: str, default: str | Path) -> Path:
    """A folder, which may be made later.

    Raises:
        ImproperlyConfigured: it is empty, which would mean wherever the process was started, or a file.
    """
    given = str(env.str(name, str(default)))
    if not given.strip() or "\0" in given or (os.path.lexists(given) and not Path(given).is_dir()):
        raise ImproperlyConfigured(f"{name} must be a folder, such as /data.")
    return Path(given).resolve()


def file_path(name: str, default: str) -> str:
    """The full name of a file in a folder that is there; empty: none.

    Raises:
        ImproperlyConfigured: it is none, or in no such folder.
    """
    given = str(env.str(name, default)).strip()
    if given and not (given.startswith("/") and Path(given).parent.is_dir()):
        raise ImproperlyConfigured(
            f"{name} must be the full name of a file in a folder that is there, such as /tmp/alive."
        )
    return given


def hosts(name: str, default: list[str]) -> list[str]:
    """Names that the server answers to: `*`, `example.org`, or `.example.org` with all below it.

    Raises:
        ImproperlyConfigured: there is none, or one with scheme, port or path.
    """
    given = [each.strip() for each in env.list(name, default) if each.strip()]
    if not given or not all(_ALLOWED_HOST.fullmatch(each) for each in given):
        raise ImproperlyConfigured(
            f"{name} must be names of hosts without scheme and port, separated by commas, such as "
            "sim.example.org,localhost."
        )
    return given


def origins(name: str, default: list[str], *, any_too: bool = False) -> list[str]:
    """Origins of pages, each with its scheme; with `any_too` also `*` for all.

    Raises:
        ImproperlyConfigured: one lacks its scheme or has a path.
    """
    given = [each.strip() for each in env.list(name, default) if each.strip()]
    if not all(_is_origin(each) or (any_too and each == "*") for each in given):
        raise ImproperlyConfigured(
            f"{name} must be origins with scheme, separated by commas, such as https://sim.example.org."
        )
    return given


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  raises for a port that is no number
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and not (parts.path or parts.query)
    )


def sender(name: str, default: str) -> str:
    """A mail address, with or without a name before it.

    Raises:
        ImproperlyConfigured: it is none.
    """
    given = str(env.str(name, default)).strip()
    local, at, domain = parseaddr(given)[1].rpartition("@")
    if not (local and at and re.fullmatch(_HOST, domain)) or "\n" in given:
        raise ImproperlyConfigured(f"{name} must be a mail address, such as robotsim@example.org.")
    return given


def demand_services() -> None:
    """Insist on what is embedded elsewhere: it would lie on one machine, or go with its container.

    Raises:
        ImproperlyConfigured: a service is not named; the sentence says how.
    """
    _demand(
        "DATABASE_URL",
        example="postgresql://postgres:password@postgres-service:5432/robotdb "
        "(on a single machine sqlite:////data/robotsim.sqlite3)",
    )
    _demand("REDIS_URL", example="redis://:password@redis-service:6379/0")
    if os.environ.get("MINIO_ENDPOINT"):
        _demand("MINIO_ACCESS_KEY", example="robotsim, the user of the S3 server")
        _demand("MINIO_SECRET_KEY", example="the password of MINIO_ACCESS_KEY")
    elif not os.environ.get("STORAGE_DIR"):
        example = (
            "minio-service:9000 (on a single machine set STORAGE_DIR instead, to /data/storage)"
        )
        _demand("MINIO_ENDPOINT", example=example)


def _demand(name: str, *, example: str) -> None:
    if not os.environ.get(name):
        raise ImproperlyConfigured(f"{name} must be set in production, for example {example}.")
