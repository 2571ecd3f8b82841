"""What the environment says, read once, with bad values refused by name.

Values come from the environment or from a `.env` file in the root; the environment wins. The names are
those of the install guide.
"""

import hashlib
import math
import os
import re
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, validate

from robotsim_project.postgresql.pool import PooledConnection

BASE_DIR = Path(__file__).resolve().parent.parent

SHORTEST_SECRET = 32
LONGEST_SOCKET_NAME = 100
LIMITS = {
    "connect_timeout": 5,
    # A server that is gone without a word is noticed, instead of being waited for a quarter of an hour.
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""What libpq is told, unless DATABASE_URL says otherwise; seconds, and milliseconds for the second."""
DATABASE_REFUSAL = (
    "DATABASE_URL must be an address of PostgreSQL or SQLite, such as "
    "postgresql://postgres:password@localhost:5432/robotdb"
)

env = Env()
if os.environ.get("ENVIRONMENT") != "test":  # tests do not depend on someone's own file
    env.read_env(str(BASE_DIR / ".env"), recurse=False)


def version() -> str:
    """The version of this code, from `.version` in the root."""
    path = BASE_DIR / ".version"
    return path.read_text(encoding="ascii").strip() if path.exists() else "unknown"


def choice(name: str, default: str, allowed: list[str]) -> str:
    """One of the allowed words.

    Raises:
        ImproperlyConfigured: it is another word; the sentence names the variable and the choices.
    """
    try:
        return str(env.str(name, default, validate=validate.OneOf(allowed)))
    except EnvError as error:
        message = f"{name} must be one of {', '.join(allowed)}."
        raise ImproperlyConfigured(message) from error


def number(name: str, default: float, *, least: float, most: float) -> float:
    """A number within its range, both ends included.

    Raises:
        ImproperlyConfigured: it is no number or out of its range.
    """
    try:
        value = float(env.float(name, default, validate=validate.Range(least, most)))
    except EnvError as error:
        raise out_of_range(name, default, least, most) from error
    if math.isnan(value):
        raise out_of_range(name, default, least, most)
    return value


def whole(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number within its range, both ends included.

    Raises:
        ImproperlyConfigured: it is no whole number or out of its range.
    """
    try:
        return int(env.int(name, default, validate=validate.Range(least, most)))
    except EnvError as error:
        raise out_of_range(name, default, least, most, kind="whole number") from error


def out_of_range(
    name: str, default: float, least: float, most: float, *, kind: str = "number"
) -> ImproperlyConfigured:
    """The refusal of a number, with its range and an example."""
    return ImproperlyConfigured(
        f"{name} must be a {kind} from {plain(least)} to {plain(most)}, "
        f"for example {plain(default)}; it is {os.environ.get(name, '')!r}."
    )


def plain(value: float) -> str:
    """The number in full, without an exponent or needless zeros."""
    return f"{value:f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))


def level(name: str, default: str) -> str:
    """A log level, in any case.

    Raises:
        ImproperlyConfigured: there is no such level.
    """
    given = str(env.str(name, default)).upper()
    levels = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    if given not in levels:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(levels)}.")
    return given


def address(name: str, default: str, schemes: list[str], *, example: str) -> str:
    """An address that starts with one of the schemes; it is not repeated, for it may hold a password.

    Raises:
        ImproperlyConfigured: it has another scheme, or names no place.
    """
    given = str(env.str(name, default))
    try:
        parts = urlsplit(given)
        usable = parts.scheme in schemes and bool(parts.netloc or parts.path.strip("/"))
        parts.port  # noqa: B018  raises for a port that is no number
    except ValueError:
        usable = False
    if not usable:
        starts = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ImproperlyConfigured(
            f"{name} must be an address that starts with {starts}, such as {example}."
        )
    return given


def optional_address(name: str, schemes: list[str], *, example: str) -> str:
    """An address as `address` takes it, or nothing.

    Raises:
        ImproperlyConfigured: it is something else.
    """
    return address(name, "", schemes, example=example) if str(env.str(name, "")) else ""


def dsn(name: str) -> str:
    """Where errors are reported to, or nothing; it is not repeated, for it holds a key.

    Raises:
        ImproperlyConfigured: it is no address with a key and the number of a project.
    """
    given = str(env.str(name, ""))
    form = r"https?://[^\s/:@?#]+(:[^\s/@?#]*)?@[^\s/:@?#]+(:[0-9]{1,5})?/([^\s?#]+/)?[0-9]+"
    if given and not re.fullmatch(form, given):
        raise ImproperlyConfigured(
            f"{name} must be the DSN of a project, such as https://key@sentry.example.org/1."
        )
    return given


def made_folder(name: str) -> str:
    """A folder that may be written, made when it is absent; or nothing.

    Raises:
        ImproperlyConfigured: it cannot be made, or may not be written.
    """
    given = str(env.str(name, ""))
    if not given:
        return ""
    with suppress(OSError):
        Path(given).mkdir(parents=True, exist_ok=True)
    if not (Path(given).is_dir() and os.access(given, os.R_OK | os.W_OK | os.X_OK)):
        raise ImproperlyConfigured(
            f"{name} must be a folder that this process may write to, such as /tmp/metrics."
        )
    return given


def secret(name: str, *, least: int) -> str:
    """A shared secret that goes into a header, or nothing; it is not repeated.

    Raises:
        ImproperlyConfigured: it is too short to be one, or a header cannot carry it.
    """
    given = str(env.str(name, ""))
    if given and not re.fullmatch(rf"[!-~]{{{least},}}", given):
        raise ImproperlyConfigured(
            f"{name} must be at least {least} characters without blanks, for example from: "
            "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return given


def api_prefix(name: str, default: str) -> str:
    """The path that all addresses of the API start with: a leading slash, none at its end.

    Raises:
        ImproperlyConfigured: it is empty or no plain path.
    """
    given = "/" + str(env.str(name, default)).strip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", given):
        raise ImproperlyConfigured(f"{name} must be a path such as /api/v1.")
    return given


def time_zone(name: str, default: str) -> str:
    """The name of a time zone.

    Raises:
        ImproperlyConfigured: no such zone is known here.
    """
    given = str(env.str(name, default))
    try:
        ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ImproperlyConfigured(f"{name} must be a time zone such as Asia/Seoul.") from error
    return given


def rate(name: str, default: str) -> str:
    """How often something may be done, such as `30/minute`.

    Raises:
        ImproperlyConfigured: it is written in another way.
    """
    given = str(env.str(name, default)).strip()
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", given):
        raise ImproperlyConfigured(
            f"{name} must be a count per second, minute, hour or day, for example {default}."
        )
    return given


def flag(name: str, *, default: bool) -> bool:
    """True or false, in the usual spellings."""
    try:
        return bool(env.bool(name, default))
    except EnvError as error:
        raise ImproperlyConfigured(f"{name} must be true or false.") from error


def database(url: str, *, pool: int) -> dict[str, Any]:
    """Django's description of the database behind a URL; `pool`: most connections of one process.

    `postgresql+asyncpg://` of the earlier system's guide means the same server, spoken to by psycopg.

    Raises:
        ImproperlyConfigured: it is no URL of PostgreSQL or SQLite. The value is not repeated: it may
            hold a password.
    """
    try:
        config: dict[str, Any] = dict(
            dj_database_url.parse(url.replace("postgresql+asyncpg://", "postgresql://", 1))
        )
    except (dj_database_url.ParseError, dj_database_url.UnknownSchemeError, ValueError) as error:
        raise ImproperlyConfigured(DATABASE_REFUSAL) from error
    match config.get("ENGINE"):
        case "django.db.backends.sqlite3":
            name = str(config["NAME"])
            # Tests in a file too: in memory several connections lock each other out.
            test = {} if name == ":memory:" else {"TEST": {"NAME": f"{name}.test"}}
            return {**config, **test, "OPTIONS": sqlite_options(name)}
        case "django.db.backends.postgresql" if config["NAME"]:
            options = {**LIMITS, **config.get("OPTIONS", {})}
            pooled = {
                "min_size": 1,
                "max_size": pool,
                "timeout": 1,  # waited for several times, see the backend
                "reconnect_timeout": 1,  # then whoever asks next tries anew, without a growing pause
                "connection_class": PooledConnection,
            }
            return {
                **config,
                "ENGINE": "robotsim_project.postgresql",
                "CONN_MAX_AGE": 0,
                "CONN_HEALTH_CHECKS": True,  # a restarted server is noticed before the query
                "OPTIONS": {**options, "pool": pooled},
            }
    raise ImproperlyConfigured(DATABASE_REFUSAL)


def sqlite_options(name: str) -> dict[str, Any]:
    """Options for a file that several processes write to; its folder is made when it is absent."""
    if name != ":memory:":
        try:
            Path(name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            message = (
                "DATABASE_URL must be in a folder that can be written, such as "
                f"sqlite:////data/robotsim.sqlite3 ({error})."
            )
            raise ImproperlyConfigured(message) from error
    return {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }


def private_socket(data_dir: Path, name: str) -> Path:
    """Where a unix socket of this data folder lies: in it, or in a folder of its own in the temporary one.

    The kernel takes some 107 bytes for the name of a socket, and data folders may be deep.
    """
    inside = data_dir / name
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_NAME:
        return inside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    folder = f"robotsim-{os.getuid()}-{digest}"
    temporary = Path(tempfile.gettempdir()) / folder / name
    short = len(os.fsencode(temporary)) <= LONGEST_SOCKET_NAME
    return temporary if short else Path("/tmp") / folder / name  # noqa: S108  mode 0700, owner checked


def secret_key(data_dir: Path, *, production: bool) -> str:
    """The signing key: from the environment, else made once and kept in the data folder (mode 0600).

    Raises:
        ImproperlyConfigured: production has none, or it is the guide's placeholder or too short.
    """
    given = str(env.str("SECRET_KEY", ""))
    if given == "your-secret-key-here":  # copied from the guide: known to everybody, so it is none
        given = ""
    if production and len(given) < SHORTEST_SECRET:
        message = (
            "SECRET_KEY must be set to at least 32 random characters in production, for example from: "
            "python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
        raise ImproperlyConfigured(message)
    try:
        return given or kept_secret(data_dir / "secret_key")
    except OSError as error:
        message = f"DATA_DIR must be a folder that can be written, such as /data ({error})."
        raise ImproperlyConfigured(message) from error


def kept_secret(path: Path) -> str:
    """The secret in this file, made now if there is none; all who ask agree on the first one made."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(made, path)  # never overwrites, so the first one made is everybody's
        Path(made).unlink()
    return path.read_text()
