"""`migrate`, which any number of processes may call at once: one works, the others wait and find it done."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from robotsim_project.health import waiting
from robotsim_project.health.dependencies import unpooled

LOCK = 0x726F626F7473696D
"""Number of PostgreSQL's advisory lock, for this database: "robotsim" in hexadecimal."""

log = structlog.get_logger(__name__)


class Command(migrate.Command):
    """Django's, after the database has answered, and with a lock around it."""

    def handle(self, *args: Any, **options: Any) -> None:
        waiting.until_answered(threading.Event(), ["database"])
        with alone(connections[options["database"]]):
            super().handle(*args, **options)


@contextmanager
def alone(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """While this lasts nobody else migrates this database; ends with the process, however it ends."""
    locked = _locked_server if connection.vendor == "postgresql" else _locked_file
    with locked(connection):
        yield


@contextmanager
def _locked_server(connection: BaseDatabaseWrapper) -> Iterator[None]:
    # A connection of its own, beside the pool: the lock falls with it.
    own = unpooled(connection)
    try:
        with own.cursor() as cursor:
            if not _taken(cursor):
                log.info("migrate_waits", reason="Another process migrates this database.")
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            yield
    finally:
        own.close()


def _taken(cursor: Any) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
    return bool(cursor.fetchone()[0])


@contextmanager
def _locked_file(connection: BaseDatabaseWrapper) -> Iterator[None]:
    name = str(connection.settings_dict["NAME"])
    if ":memory:" in name or name.startswith("file:"):  # of this process alone
        yield
        return
    with Path(f"{name}.migrate-lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
