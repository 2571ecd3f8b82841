"""Formats of texts in the environment: hosts, addresses, buckets, rates and their like."""

import os
from collections.abc import Callable
from email.utils import parseaddr
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from environs import validate


class Format(NamedTuple):
    """A description of valid texts, a check that raises for others, and a conversion before the check."""

    description: str
    check: Callable[[str], object]
    clean: Callable[[str], str] = str.strip


def _matching(description: str, pattern: str) -> Format:
    return Format(description, validate.Regexp(rf"({pattern})\Z"))


def one_of(*allowed: str) -> Format:
    """One of these words."""
    return Format(f"one of {', '.join(allowed)}", validate.OneOf(allowed))


def url(example: str, *schemes: str) -> Format:
    """An address with one of the schemes (http and https if none is given), and with a host or a path."""
    schemes = schemes or ("http", "https")

    def check(value: str) -> None:
        parts = urlsplit(value)
        parts.port  # noqa: B018  raises for a port that is no number
        if parts.scheme not in schemes or not (parts.netloc or parts.path.strip("/")):
            raise ValueError

    description = f"an address that starts with {':// or '.join(schemes)}://, such as {example}"
    return Format(description, check)


def optional(inner: Format) -> Format:
    """The same format, or nothing where an empty text switches something off."""

    def check(value: str) -> None:
        if value:
            inner.check(value)

    return Format(f"{inner.description}, or nothing", check, inner.clean)


def _check_mail_address(value: str) -> None:
    local, _, domain = parseaddr(value)[1].rpartition("@")
    if not local or "\n" in value:
        raise ValueError
    HOST.check(domain)


def _check_folder(value: str) -> None:
    if not value or (os.path.lexists(value) and not Path(value).is_dir()):
        raise NotADirectoryError


def _check_writable_folder(value: str) -> None:
    Path(value).mkdir(parents=True, exist_ok=True)
    if not os.access(value, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError


def _check_file(value: str) -> None:
    if not (value.startswith("/") and Path(value).parent.is_dir()):
        raise FileNotFoundError


_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_IP6 = r"\[[0-9A-Fa-f:.]+\]"
_HOST = rf"({_LABEL}(\.{_LABEL})*\.?|{_IP6})"
_PORT = r"0*([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
_ORIGIN = rf"https?://({_IP6}|[^\s/?#@:\[\]]+)(:{_PORT})?"

API_PATH = _matching("a path, such as /api/v1", r"(/[A-Za-z0-9._~-]+)+")._replace(
    clean=lambda value: "/" + value.strip(" /")
)
BUCKET = _matching(
    "a name that S3 admits: 3 to 63 lowercase letters, digits, hyphens and dots, such as robot-sim",
    r"(?!xn--|sthree-|amzn-s3-demo-|\d+(\.\d+){3}\Z)[a-z0-9]([a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]",
)
DNS_LABEL = _matching(
    "a name of Kubernetes, such as robot-agents", r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)
DSN = _matching(
    "the DSN of a project, such as https://key@sentry.example.org/1",
    r"https?://[^\s/:@?#]+(:[^\s/@?#]*)?@[^\s/:@?#]+(:[0-9]{1,5})?/([^\s?#]+/)?[0-9]+",
)
ENDPOINT = _matching(
    "host and port, such as minio-service:9000", rf"(https?://)?{_HOST}(:{_PORT})?"
)._replace(clean=lambda value: value.strip().removesuffix("/") or value.strip())
FILE = Format("the full name of a file in an existing folder, such as /tmp/alive", _check_file)
FOLDER = Format("a folder, such as /data", _check_folder)
HOST = _matching("the name of a host, such as mail.example.org", _HOST)
IMAGE = _matching(
    "an image, such as registry.example.org/robot-sim-agent:0.1.0",
    r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,500}",
)
LOG_LEVEL = one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")._replace(clean=str.upper)
MAIL_ADDRESS = Format("a mail address, such as robotsim@example.org", _check_mail_address)
RATE = _matching(
    "a count per second, minute, hour or day, such as 30/minute",
    r"[1-9][0-9]{0,8}/(second|minute|hour|day)",
)
SERVED_HOSTS = _matching(
    "names of hosts without scheme and port, separated by commas, such as sim.example.org,localhost",
    rf"\*|\.?{_HOST}",
)
ORIGINS = _matching(
    "origins with scheme, separated by commas, such as https://sim.example.org", _ORIGIN
)
ORIGINS_OR_ANY = ORIGINS._replace(check=validate.Regexp(rf"(\*|{_ORIGIN})\Z"))
TIME_ZONE = Format("a time zone, such as Asia/Seoul", ZoneInfo)
TOKEN = _matching(
    "at least 16 characters without blanks, such as from: "
    "python -c 'import secrets; print(secrets.token_urlsafe(32))'",
    r"[!-~]{16,}",
)
WRITABLE_FOLDER = Format(
    "a folder that this process may write to, such as /tmp/metrics", _check_writable_folder
)
