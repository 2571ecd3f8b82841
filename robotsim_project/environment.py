"""What the environment says, read once, with bad values refused by name.

Values come from the environment or from a `.env` file in the root; the environment wins. The names are
those of the install guide.
"""

import os
import secrets
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, validate

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
env.read_env(str(BASE_DIR / ".env"), recurse=False)


def choice(name: str, default: str, allowed: list[str]) -> str:
    """One of the allowed words.

    Raises:
        ImproperlyConfigured: it is another word; the sentence names the variable and the choices.
    """
    try:
        return str(env.str(name, default, validate=validate.OneOf(allowed)))
    except EnvError as error:
        message = f"{name} must be one of {', '.join(allowed)}: {error}"
        raise ImproperlyConfigured(message) from error


def number(name: str, default: float, *, least: float, most: float) -> float:
    """A number within its range, both ends included.

    Raises:
        ImproperlyConfigured: it is no number or out of its range.
    """
    try:
        return float(env.float(name, default, validate=validate.Range(least, most)))
    except EnvError as error:
        message = (
            f"{name} must be a number from {least:g} to {most:g}, for example {default:g}: {error}"
        )
        raise ImproperlyConfigured(message) from error


def whole(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number within its range, both ends included."""
    return int(number(name, default, least=least, most=most))


def flag(name: str, *, default: bool) -> bool:
    """True or false, in the usual spellings."""
    try:
        return bool(env.bool(name, default))
    except EnvError as error:
        raise ImproperlyConfigured(f"{name} must be true or false: {error}") from error


def database(url: str) -> dict[str, Any]:
    """Django's description of the database behind a URL.

    `postgresql+asyncpg://` of the earlier system's guide means the same server, spoken to by psycopg.
    """
    plain = url.replace("postgresql+asyncpg://", "postgresql://", 1)
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(plain))
    except (dj_database_url.ParseError, dj_database_url.UnknownSchemeError, ValueError) as error:
        # The value is not repeated: it may hold a password.
        message = (
            "DATABASE_URL is not understood; an example: "
            "postgresql://postgres:password@localhost:5432/robotdb"
        )
        raise ImproperlyConfigured(message) from error
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        config["CONN_MAX_AGE"] = 0
        config["OPTIONS"] = {
            **config.get("OPTIONS", {}),
            "pool": {"min_size": 1, "max_size": whole("DATABASE_POOL", 20, least=1, most=500)},
        }
    return config


def secret_key(data_dir: Path, *, production: bool) -> str:
    """The signing key: from the environment, else made once and kept in the data folder (mode 0600).

    Raises:
        ImproperlyConfigured: production has none, or it is the guide's placeholder or too short.
    """
    given = str(env.str("SECRET_KEY", ""))
    if production and (len(given) < 32 or given == "your-secret-key-here"):
        message = (
            "SECRET_KEY must be set to at least 32 random characters in production, for example from: "
            "python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
        raise ImproperlyConfigured(message)
    return given or kept_secret(data_dir / "secret_key")


def kept_secret(path: Path) -> str:
    """The secret in this file, made now if there is none; two processes agree on the first one made."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(made, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        os.link(made, path)  # fails where the file exists: never overwritten, never half written
    except FileExistsError:
        pass
    finally:
        made.unlink()
    return path.read_text()
