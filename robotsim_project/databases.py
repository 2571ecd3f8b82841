"""Django's description of the database behind an address."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from robotsim_project.postgresql.pool import PooledConnection

POOL: dict[str, Any] = {
    "min_size": 1,
    "timeout": 1,  # waited for several times, see the backend
    "reconnect_timeout": 1,  # then whoever asks next tries anew, without a growing pause
    "connection_class": PooledConnection,
}
LIMITS = {
    "connect_timeout": 5,
    # A server that is gone without a word is noticed, instead of being waited for a quarter of an hour.
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""Options of libpq, unless DATABASE_URL has others; seconds, and milliseconds for the second."""
SQLITE = {  # several processes write to the file
    "transaction_mode": "IMMEDIATE",
    "timeout": 30,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def database(url: str, *, pool: int) -> dict[str, Any]:
    """Describe a database; `pool`: most connections of one process. The folder of a file is made.

    `postgresql+asyncpg://` of the earlier system's guide means the same server, spoken to by psycopg.

    Raises:
        ImproperlyConfigured: It is no PostgreSQL and no SQLite in a folder that can be written. The address
            is not repeated: it may hold a password.
    """
    try:
        config: dict[str, Any] = dict(
            dj_database_url.parse(url.replace("postgresql+asyncpg:", "postgresql:", 1))
        )
        match config["ENGINE"], str(config["NAME"]):
            case "django.db.backends.sqlite3", ":memory:":
                return config | {"OPTIONS": SQLITE}
            case "django.db.backends.sqlite3", name:
                Path(name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                _close_to_others(name)
                # Tests in a file too: in memory several connections lock each other out.
                return config | {"OPTIONS": SQLITE, "TEST": {"NAME": f"{name}.test"}}
            case "django.db.backends.postgresql", name if name:
                pooled = {"pool": {**POOL, "max_size": pool}}
                return config | {
                    "ENGINE": "robotsim_project.postgresql",
                    "CONN_MAX_AGE": 0,
                    "CONN_HEALTH_CHECKS": True,  # a restarted server is noticed before the query
                    "OPTIONS": {**LIMITS, **config.get("OPTIONS", {}), **pooled},
                }
            case _:
                raise ValueError
    except (ValueError, OSError):
        raise ImproperlyConfigured(
            "DATABASE_URL must be an address of PostgreSQL, or of SQLite in a folder that can be written, "
            "such as postgresql://postgres:password@localhost:5432/robotdb or sqlite:////data/robotsim.sqlite3."
        ) from None


def _close_to_others(name: str) -> None:
    """Take the rights of others on a file of SQLite and its journal, which the version before gave them."""
    for path in (Path(name), Path(f"{name}-wal"), Path(f"{name}-shm")):
        with suppress(OSError):  # missing, or of another user
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
